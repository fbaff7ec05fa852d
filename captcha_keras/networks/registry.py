"""The networks by name: how to build each and how to train it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras

from captcha_keras.errors import InputError
from captcha_keras.networks import emnist_cnn, mathematica, segmented_lenet, segmented_mlp, single_head, vgg, vgg_wide
from captcha_keras.networks.losses import CrossEntropy, CutCrossEntropy, MultiLabelSoftMargin
from captcha_keras.networks.segmentation import Cutter
from captcha_keras.networks.segmented import backbone_side
from captcha_keras.spec import LARGEST_SIDE, CaptchaSpec, SpecError


@dataclass(frozen=True)
class Network:
    """An entry of the registry: how to build a network and how to train it.

    Attributes:
        build: Builds the network with random weights, from a spec and a dtype policy.
        backbone_side: Gives the side of the backbone's last feature map from an image side; below 1 if it is too small.
        loss: Class of the training loss.
        cutter: Cuts images into the characters that the network reads; None if it reads whole images.
        learning_rate: Default peak learning rate.

    Example:
        >>> network = find_network("mathematica")
        >>> network.learning_rate, network.smallest_side, network.cuts
        (0.001, 76, False)
    """

    build: Callable[[CaptchaSpec, keras.DTypePolicy | str], keras.Model]
    backbone_side: Callable[[int], int]
    loss: type[keras.losses.Loss] = CrossEntropy
    cutter: Cutter | None = None
    learning_rate: float = 3e-3

    @property
    def cuts(self) -> bool:
        """Whether the network cuts images into characters and reads these one by one."""
        return self.cutter is not None

    @property
    def smallest_side(self) -> int:
        """The smallest image side in pixels that the backbone can take."""
        return next(side for side in range(1, LARGEST_SIDE) if self.backbone_side(side) >= 1)

    def output_spec(self, spec: CaptchaSpec) -> CaptchaSpec:
        """The spec of the predictions: a network that cuts may find fewer characters than there are."""
        return replace(spec, min_length=1) if self.cuts else spec

    def loss_for(self, spec: CaptchaSpec, label_smoothing: float = 0.0) -> keras.losses.Loss:
        """The training loss for images of a spec.

        Args:
            spec: The spec.
            label_smoothing: Fraction of the target probability that is spread over all classes; cross-entropies only.

        Raises:
            InputError: The loss is not a cross-entropy and cannot be smoothed.
        """
        # A single character is never cut.
        loss = CrossEntropy if self.cuts and spec.max_length == 1 else self.loss
        if not label_smoothing:
            return loss()
        if not issubclass(loss, CrossEntropy):
            raise InputError("--label-smoothing is for networks with a softmax at each position.")
        return loss(label_smoothing)


NETWORKS = {
    "vgg": Network(vgg.vgg, vgg.backbone_side),
    "vgg_wide": Network(vgg_wide.vgg_wide, vgg.backbone_side),
    "mathematica": Network(mathematica.mathematica, mathematica.backbone_side, learning_rate=1e-3),
    # At 1e-3 most of its ReLUs die in the first epoch.
    "mathematica_relu": Network(mathematica.mathematica_relu, mathematica.backbone_side, learning_rate=3e-4),
    "single_head": Network(
        single_head.single_head, single_head.backbone_side, MultiLabelSoftMargin, learning_rate=1e-3
    ),
    "segmented_mlp": Network(segmented_mlp.segmented_mlp, backbone_side, CutCrossEntropy, segmented_mlp.CUTTER),
    "segmented_lenet": Network(segmented_lenet.segmented_lenet, backbone_side, CutCrossEntropy, segmented_lenet.CUTTER),
    "emnist_cnn": Network(emnist_cnn.emnist_cnn, backbone_side, CutCrossEntropy, emnist_cnn.CUTTER, learning_rate=1e-3),
}


def list_networks() -> list[str]:
    """The names of all networks, sorted.

    Example:
        >>> list_networks()[:3]
        ['emnist_cnn', 'mathematica', 'mathematica_relu']
    """
    return sorted(NETWORKS)


def find_network(name: str) -> Network:
    """The registry entry of a name.

    Raises:
        InputError: There is no such network.

    Example:
        >>> find_network("segmented_lenet").cutter.side
        40
    """
    if name not in NETWORKS:
        raise InputError(f"There is no network {name!r}; choose one of {', '.join(NETWORKS)}.")
    return NETWORKS[name]


def build_network(name: str, spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """Build a network with random weights.

    Args:
        name: A name from `list_networks()`.
        spec: Image size, number of positions and of classes.
        dtype: Dtype policy of the backbone; scaling and heads always compute in float32.

    Returns:
        A functional model: uint8 `(N, height, width, 3)` in, `{"char_0": float32 (N, K), …}` out.

    Raises:
        InputError: There is no such network.
        SpecError: The images are too small for its backbone.

    Example:
        >>> network = build_network("vgg", CaptchaSpec("ABC", 2, 2, width=32, height=16))
        >>> network.input_shape, {name: head.shape for name, head in network.output.items()}
        ((None, 16, 32, 3), {'char_0': (None, 3), 'char_1': (None, 3)})
    """
    check_size(name, spec)
    return find_network(name).build(spec, dtype)


def check_size(name: str, spec: CaptchaSpec) -> None:
    """Refuse images that are too small for a network.

    Raises:
        InputError: There is no such network.
        SpecError: The images are too small for its backbone.

    Example:
        >>> check_size("vgg", CaptchaSpec(width=170, height=10))
        Traceback (most recent call last):
        captcha_keras.spec.SpecError: Images of 170x10 are too small for the network 'vgg', which needs at least 15x15.
    """
    network = find_network(name)
    if min(network.backbone_side(spec.width), network.backbone_side(spec.height)) < 1:
        smallest = network.smallest_side
        raise SpecError(
            f"Images of {spec.width}x{spec.height} are too small for the network {name!r}, which needs at least "
            f"{smallest}x{smallest}."
        )
