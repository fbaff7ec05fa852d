"""The estimated cost of a generation, from a few images drawn on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

from data_gen.plan import Plan

SAMPLES = 64


@dataclass(frozen=True)
class Estimate:
    """Cost of a generation.

    Attributes:
        images: Number of images.
        files: Number of files that hold them.
        image_bytes: Mean size of an encoded image.
        images_per_second: Drawn and encoded by one process of this machine.

    Example:
        >>> Estimate(images=1000, files=1000, image_bytes=9500.0, images_per_second=800.0).total_bytes
        9500000.0
    """

    images: int
    files: int
    image_bytes: float
    images_per_second: float

    @property
    def total_bytes(self) -> float:
        """Bytes of all images."""
        return self.images * self.image_bytes


def estimate(plan: Plan) -> Estimate:
    """Draw 64 images in memory and measure; nothing is written.

    Example:
        >>> from data_gen import Settings, Shard
        >>> cost = estimate(Plan(Settings(count=1000), Shard()))
        >>> cost.files, 5_000_000 < cost.total_bytes < 15_000_000
        (1000, True)
    """
    source = plan.settings.series.source()
    # The first image loads fonts and draws glyphs, which are cached.
    source.draw(plan.first_image)
    begin = time.perf_counter()
    sizes = [len(source.draw(plan.first_image + index).content) for index in range(SAMPLES)]
    seconds = time.perf_counter() - begin
    return Estimate(plan.image_count, len(plan.pieces), sum(sizes) / SAMPLES, SAMPLES / seconds)
