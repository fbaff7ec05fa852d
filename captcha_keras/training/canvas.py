"""The canvas: the size that images of any size are fitted into when they are decoded."""

from __future__ import annotations

from dataclasses import replace

from captcha_keras.networks.registry import Network
from captcha_keras.spec import CaptchaSpec

# Images with more pixels are shrunk if no size is given: a training step takes as long as its images have pixels.
LARGE_PIXELS = 32_000
SHRUNK_PIXELS = 16_000


def fitted_spec(
    spec: CaptchaSpec,
    network: Network,
    size: tuple[int, int] | None = None,
    source: CaptchaSpec | None = None,
) -> CaptchaSpec:
    """The spec of the images that a network learns from, once they are fitted into its canvas.

    The canvas is, in this order: the size that is given; for a network that cuts images the size that they have; the
    canvas of the network whose weights are taken, if that keeps proportions, so that its characters have the same size;
    for images of more than 32,000 pixels one of their proportions with at most 16,000; else the size that they have.

    Args:
        spec: The spec of the images as they are.
        network: The network that is to read them.
        size: The width and height that were asked for.
        source: The spec of the network whose weights the training starts from.

    Raises:
        SpecError: The size is none that a spec can have.

    Example:
        >>> from captcha_keras.networks.registry import find_network
        >>> large, vgg = CaptchaSpec(width=640, height=360), find_network("vgg")
        >>> [(each.width, each.height) for each in (fitted_spec(large, vgg), fitted_spec(large, vgg, (200, 64)))]
        [(168, 94), (200, 64)]
        >>> fitted_spec(CaptchaSpec(), vgg) == CaptchaSpec()
        True
    """
    pixels = spec.width * spec.height
    if size is not None:
        width, height = size
    elif network.cuts:
        return spec
    elif source is not None and source.keep_aspect:
        width, height = source.width, source.height
    elif pixels > LARGE_PIXELS:
        # A long side must not make the other one too short for the network; then there is space around the image.
        scale, least = (SHRUNK_PIXELS / pixels) ** 0.5, network.smallest_side
        width, height = (max(int(side * scale), min(side, least)) for side in (spec.width, spec.height))
    else:
        return spec
    return replace(spec, width=width, height=height, keep_aspect=True)
