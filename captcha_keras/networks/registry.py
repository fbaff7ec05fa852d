"""The networks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from captcha_keras.errors import InputError
from captcha_keras.networks import mathematica, vgg
from captcha_keras.spec import LARGEST_SIDE, CaptchaSpec, SpecError


@dataclass(frozen=True)
class Network:
    """How to build a network, and the feature map side that its trunk leaves of an image side."""

    build: Callable[[CaptchaSpec, keras.DTypePolicy | str], keras.Model]
    trunk_side: Callable[[int], int]

    @property
    def smallest_side(self) -> int:
        """The smallest image side in pixels that the trunk can take."""
        return next(side for side in range(1, LARGEST_SIDE) if self.trunk_side(side) >= 1)


NETWORKS = {
    "vgg": Network(vgg.vgg, vgg.trunk_side),
    "mathematica": Network(mathematica.mathematica, mathematica.trunk_side),
    "mathematica_relu": Network(mathematica.mathematica_relu, mathematica.trunk_side),
}


def build_network(name: str, spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """Build a network with fresh weights.

    Args:
        name: A key of `NETWORKS`.
        spec: Image size, number of positions and of classes.
        dtype: Policy of the trunk; scaling and heads always compute in float32.

    Returns:
        A functional model: uint8 `(N, height, width, 3)` in, `{"char_0": float32 (N, K), …}` out.

    Raises:
        InputError: There is no such network.
        SpecError: The images are too small for its trunk.
    """
    if name not in NETWORKS:
        raise InputError(f"There is no network {name!r}; choose one of {', '.join(NETWORKS)}.")
    network = NETWORKS[name]
    if min(network.trunk_side(spec.width), network.trunk_side(spec.height)) < 1:
        smallest = network.smallest_side
        raise SpecError(
            f"Images of {spec.width}x{spec.height} are too small for the network {name!r}, which needs at least "
            f"{smallest}x{smallest}."
        )
    return network.build(spec, dtype)
