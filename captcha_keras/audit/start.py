"""What the trainings of an audit start from: random weights, or those of a pretrained model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras
import numpy as np

from captcha_keras.audit.subject import Material
from captcha_keras.dataset.images import fit_to
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.dataset.load import Allocate, in_memory
from captcha_keras.networks.registry import find_network
from captcha_keras.recognizer.locate import find_model
from captcha_keras.recognizer.pretrained import pretrained_path
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.canvas import fitted_spec
from captcha_keras.training.initial import load_initial
from captcha_keras.training.transfer import transfer_weights


@dataclass(frozen=True)
class Start:
    """A pretrained model whose weights a training starts from.

    Attributes:
        network: Name of its architecture, which the training shares.
        model: The network.
        spec: Its spec.

    Example:
        >>> start = load_start("any")
        >>> start.network, start.learned(CaptchaSpec("AB", 6, 6, 300, 40)).width
        ('vgg_wide', 200)
    """

    network: str
    model: keras.Model
    spec: CaptchaSpec

    def learned(self, spec: CaptchaSpec) -> CaptchaSpec:
        """The spec that images of `spec` are fitted into for this network."""
        return fitted_spec(spec, find_network(self.network), source=self.spec)

    def give_weights(self, network: keras.Model, spec: CaptchaSpec) -> None:
        """Copy the weights into a new network of the same architecture, built for `spec`."""
        transfer_weights(self.model, self.spec, network, spec)


def load_start(name: str) -> Start:
    """Load a pretrained model to start from.

    Args:
        name: One of `list_pretrained()`.

    Raises:
        InputError: There is no such model.

    Example:
        >>> load_start("captcha").network
        'vgg'
    """
    found = find_model(pretrained_path(name))
    return Start(found.run.read_config().network, *load_initial(found.path))


def fit_material(material: Material, spec: CaptchaSpec, allocate: Allocate = in_memory) -> Material:
    """Fit the images of a training into the size of `spec`.

    Args:
        material: The images as they are; its properties, which are those of these images, stay.
        spec: The spec that is learned from, with the alphabet and the length of the material.
        allocate: Makes the array for the training images.

    Example:
        >>> part = LabelledImages(np.zeros((2, 80, 170, 3), np.uint8), np.zeros((2, 4), np.int32))
        >>> fit_material(Material(part, part, part, {}, None), CaptchaSpec(width=85, height=40)).test.images.shape
        (2, 40, 85, 3)
    """

    def fitted(part: LabelledImages, allocate: Allocate) -> LabelledImages:
        if part.images.shape[1:3] == (spec.height, spec.width):
            return part
        images = allocate((len(part.images), spec.height, spec.width, 3))
        for number, image in enumerate(part.images):
            images[number] = fit_to(np.asarray(image), spec)
        return LabelledImages(images, part.labels)

    return replace(
        material,
        training=fitted(material.training, allocate),
        validation=fitted(material.validation, in_memory),
        test=fitted(material.test, in_memory),
    )
