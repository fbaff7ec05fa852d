"""The networks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras

from captcha_keras.errors import InputError
from captcha_keras.networks import emnist_cnn, mathematica, segmented_lenet, segmented_mlp, single_head, vgg
from captcha_keras.networks.losses import CrossEntropy, CutCrossEntropy, MultiLabelSoftMargin
from captcha_keras.networks.segmentation import Cutter
from captcha_keras.networks.segmented import backbone_side
from captcha_keras.spec import LARGEST_SIDE, CaptchaSpec, SpecError


@dataclass(frozen=True)
class Network:
    """How to build a network and how to train it.

    Attributes:
        build: Makes it with fresh weights, of a spec and a dtype policy.
        backbone_side: The feature map side that its backbone leaves of an image side.
        loss: What its training minimises.
        cutter: Cuts images into the characters that it reads; None if it reads whole images.
        learning_rate: Peak learning rate that it is trained with by default.
    """

    build: Callable[[CaptchaSpec, keras.DTypePolicy | str], keras.Model]
    backbone_side: Callable[[int], int]
    loss: type[keras.losses.Loss] = CrossEntropy
    cutter: Cutter | None = None
    learning_rate: float = 3e-3

    @property
    def cuts(self) -> bool:
        """Whether it cuts images into characters and reads these."""
        return self.cutter is not None

    @property
    def smallest_side(self) -> int:
        """The smallest image side in pixels that the backbone can take."""
        return next(side for side in range(1, LARGEST_SIDE) if self.backbone_side(side) >= 1)

    def output_spec(self, spec: CaptchaSpec) -> CaptchaSpec:
        """The spec of its predictions: where characters are cut out, fewer may be found than there are."""
        return replace(spec, min_length=1) if self.cuts else spec

    def loss_for(self, spec: CaptchaSpec, smoothing: float = 0.0) -> keras.losses.Loss:
        """What its training minimises on images of a spec.

        Args:
            spec: The spec.
            smoothing: Fraction of the wanted probability that is spread over all classes; for cross-entropies alone.

        Raises:
            InputError: The loss is no cross-entropy.
        """
        # A single character is never cut.
        kind = CrossEntropy if self.cuts and spec.max_length == 1 else self.loss
        if not smoothing:
            return kind()
        if not issubclass(kind, CrossEntropy):
            raise InputError("--label-smoothing is for networks with a softmax at each position.")
        return kind(smoothing)


NETWORKS = {
    "vgg": Network(vgg.vgg, vgg.backbone_side),
    "mathematica": Network(mathematica.mathematica, mathematica.backbone_side, learning_rate=1e-3),
    # At 1e-3 most of its ReLUs die in the first round.
    "mathematica_relu": Network(mathematica.mathematica_relu, mathematica.backbone_side, learning_rate=3e-4),
    "single_head": Network(
        single_head.single_head, single_head.backbone_side, MultiLabelSoftMargin, learning_rate=1e-3
    ),
    "segmented_mlp": Network(segmented_mlp.segmented_mlp, backbone_side, CutCrossEntropy, segmented_mlp.CUTTER),
    "segmented_lenet": Network(segmented_lenet.segmented_lenet, backbone_side, CutCrossEntropy, segmented_lenet.CUTTER),
    "emnist_cnn": Network(emnist_cnn.emnist_cnn, backbone_side, CutCrossEntropy, emnist_cnn.CUTTER, learning_rate=1e-3),
}


def list_networks() -> list[str]:
    """The names of the networks, sorted.

    Example:
        >>> "vgg" in list_networks()
        True
    """
    return sorted(NETWORKS)


def find_network(name: str) -> Network:
    """The network of a name.

    Raises:
        InputError: There is none.
    """
    if name not in NETWORKS:
        raise InputError(f"There is no network {name!r}; choose one of {', '.join(NETWORKS)}.")
    return NETWORKS[name]


def build_network(name: str, spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """Build a network with fresh weights.

    Args:
        name: A key of `NETWORKS`.
        spec: Image size, number of positions and of classes.
        dtype: Policy of the backbone; scaling and heads always compute in float32.

    Returns:
        A functional model: uint8 `(N, height, width, 3)` in, `{"char_0": float32 (N, K), …}` out.

    Raises:
        InputError: There is no such network.
        SpecError: The images are too small for its backbone.
    """
    check_size(name, spec)
    return find_network(name).build(spec, dtype)


def check_size(name: str, spec: CaptchaSpec) -> None:
    """Refuse images that are too small for a network.

    Raises:
        InputError: There is no such network.
        SpecError: The images are too small for its backbone.
    """
    network = find_network(name)
    if min(network.backbone_side(spec.width), network.backbone_side(spec.height)) < 1:
        smallest = network.smallest_side
        raise SpecError(
            f"Images of {spec.width}x{spec.height} are too small for the network {name!r}, which needs at least "
            f"{smallest}x{smallest}."
        )
