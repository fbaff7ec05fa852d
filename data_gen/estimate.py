"""What a generation will cost, from a few images drawn on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

from data_gen.generate import Plan

SAMPLE = 64


@dataclass(frozen=True)
class Estimate:
    """Cost of a generation.

    Attributes:
        images: Number of images.
        files: Number of files that hold them.
        image_bytes: Mean size of an encoded image.
        images_per_second: Drawn and encoded by one process of this machine.
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
    """Draw 64 images in memory and measure; nothing is written."""
    source = plan.settings.source()
    # The first image loads fonts and draws glyphs that are then kept.
    source.draw(plan.first)
    begin = time.perf_counter()
    sizes = [len(source.draw(plan.first + index).content) for index in range(SAMPLE)]
    seconds = time.perf_counter() - begin
    return Estimate(plan.images, len(plan.pieces), sum(sizes) / SAMPLE, SAMPLE / seconds)
