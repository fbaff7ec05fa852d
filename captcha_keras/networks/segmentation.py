"""Segmentation by vertical projection: cuts dark characters on a light ground apart at the empty columns.

It is written with `keras.ops` for batches, so that it can be a part of a network: training, evaluation and every
exported file cut in the same way. A part (segment) is a run of columns with ink.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from captcha_keras.dataset.batching import batch_slices
from captcha_keras.spec import CaptchaSpec

# An array, a tensor or a KerasTensor.
Tensor = Any

# A character fainter than this, about one grey level of 255, is not stretched to a black one.
MIN_CONTRAST = 1 / 255


@dataclass(frozen=True)
class Cuts:
    """Where the parts of N images are, as masks of columns and rows.

    Attributes:
        count: Number of parts, also of those beyond L; int32 `(N,)`.
        columns: 1 in the columns of part l, else 0; float32 `(N, L, width)`.
        rows: 1 from the first to the last row with ink of part l, else 0; float32 `(N, L, height)`.

    Example:
        >>> ink = np.array([[[0, 1, 1, 0, 1]]], np.float32)  # one row of pixels
        >>> cuts = Cutter(side=4).cut(ink, max_parts=2)
        >>> np.asarray(cuts.count).tolist(), np.asarray(cuts.columns).astype(int).tolist()
        ([2], [[[0, 1, 1, 0, 0], [0, 0, 0, 0, 1]]])
    """

    count: Tensor
    columns: Tensor
    rows: Tensor


@dataclass(frozen=True)
class Cutter:
    """Settings of the segmentation, and the segmentation itself.

    Attributes:
        side: Side in pixels of the square crop that each character becomes.
        threshold: A pixel is ink if its darkest channel is below this; 0 to 255.
        shrink: Factor by which the image is shrunk first, by average pooling. An image of a single character is not
            shrunk: it is as large as it should be.
        trim: Whether empty rows above and below a character are cut off.
        margin: Empty border around the character, as a fraction of its longer side.
        contrast: Whether the ink of each character is stretched: 0 up to the threshold, 1 at its darkest.

    Example:
        >>> image = np.full((1, 40, 100, 3), 255, np.uint8)
        >>> image[:, 10:30, 20:30] = image[:, 10:30, 60:70] = 0  # two black blocks on white
        >>> crops, count = Cutter(side=20).characters(image, max_parts=4)
        >>> tuple(crops.shape), int(count[0])
        ((1, 4, 20, 20), 2)
    """

    side: int
    threshold: int = 210
    shrink: int = 2
    trim: bool = False
    margin: float = 0.0
    contrast: bool = False

    @property
    def _min_ink(self) -> float:
        """The least ink, 0 to 1: half a grey level below the threshold, which no pixel hits exactly."""
        return 1.0 - (self.threshold - 0.5) / 255.0

    def characters(self, images: Tensor, max_parts: int) -> tuple[Tensor, Tensor]:
        """Cut images into square crops of their characters, from left to right.

        Args:
            images: uint8 RGB `(N, height, width, 3)`.
            max_parts: Crops of each image, L. With L = 1 all ink is one part.

        Returns:
            Ink from 0 (white) to 1 (black), float32 `(N, L, side, side)`, all 0 where there is no part; and the number
            of parts, int32 `(N,)`.
        """
        ink = self.ink(images, 1 if max_parts == 1 else self.shrink)
        cuts = self.cut(ink, max_parts)
        return self.crops(ink, cuts), cuts.count

    def ink(self, images: Tensor, shrink: int) -> Tensor:
        """Ink of uint8 `(N, height, width, 3)`, from 0 (white) to 1 (black): float32 `(N, height, width)`, shrunk."""
        ink = 1.0 - ops.min(ops.cast(images, "float32"), axis=-1, keepdims=True) / 255.0
        if shrink > 1:
            ink = ops.average_pool(ink, shrink, strides=shrink)
        return ops.squeeze(ink, axis=-1)

    def cut(self, ink: Tensor, max_parts: int) -> Cuts:
        """Find the parts from left to right.

        Args:
            ink: float32 `(N, height, width)`.
            max_parts: Parts to locate, L; all are counted.
        """
        # Signs, not comparisons: oneDNN has no kernels for booleans and says so on the terminal.
        dark = ops.sign(ops.relu(ink - self._min_ink))
        filled = ops.max(dark, axis=1)  # the vertical projection, (N, width)
        if max_parts == 1:
            part = _span(filled)
            count = ops.max(filled, axis=1)
        else:
            left = ops.pad(filled[:, :-1], [[0, 0], [1, 0]])
            starts = filled * (1.0 - left)
            part = filled * ops.cumsum(starts, axis=1)  # 1, 2, … in the columns of the first, second, … part
            count = ops.sum(starts, axis=1)
        numbers = np.arange(1, max_parts + 1, dtype=np.float32).reshape(1, max_parts, 1)
        columns = ops.relu(1.0 - ops.abs(ops.expand_dims(part, 1) - numbers))  # (N, L, width)
        # The rows with ink in the columns of a part: (N, L, width) x (N, width, height).
        rows = _span(ops.sign(ops.matmul(columns, ops.transpose(dark, (0, 2, 1)))))
        return Cuts(ops.cast(count, "int32"), columns, rows)

    def crops(self, ink: Tensor, cuts: Cuts) -> Tensor:
        """The parts, each centred in a square and resized with its aspect ratio: float32 `(N, L, side, side)`."""
        image_height = ink.shape[1]
        width = ops.sum(cuts.columns, axis=-1)  # (N, L)
        height = ops.sum(cuts.rows, axis=-1) if self.trim else float(image_height) * ops.sign(width)
        size = ops.maximum(ops.maximum(width, height), 1.0) * (1.0 + 2.0 * self.margin)
        horizontal = self._interpolation(cuts.columns, _centre(cuts.columns), size)
        middle = _centre(cuts.rows) if self.trim else ops.full_like(width, (image_height - 1) / 2)
        rows = cuts.rows if self.trim else ops.ones_like(cuts.rows)
        vertical = self._interpolation(rows, middle, size)
        # (N, L, side, height) x (N, 1, height, width) x (N, L, width, side)
        crops = ops.matmul(ops.matmul(vertical, ops.expand_dims(ink, 1)), ops.transpose(horizontal, (0, 1, 3, 2)))
        return self._stretch(crops) if self.contrast else crops

    def _stretch(self, crops: Tensor) -> Tensor:
        above = ops.relu(crops - self._min_ink)
        return above / ops.maximum(ops.max(above, axis=(2, 3), keepdims=True), MIN_CONTRAST)

    def _interpolation(self, mask: Tensor, centre: Tensor, size: Tensor) -> Tensor:
        """Matrices of linear interpolation from the pixels of an axis to the side of the crop.

        Args:
            mask: 1 for the pixels of the part, else 0: `(N, L, pixels)`.
            centre: The coordinate that becomes the centre of the crop: `(N, L)`.
            size: Number of pixels that the crop covers: `(N, L)`.

        Returns:
            float32 `(N, L, side, pixels)`.
        """
        pixels = np.arange(mask.shape[-1], dtype=np.float32)
        steps = (np.arange(self.side, dtype=np.float32) + 0.5) / self.side - 0.5
        samples = ops.expand_dims(centre, -1) + ops.expand_dims(size, -1) * steps  # (N, L, side)
        weights = ops.relu(1.0 - ops.abs(ops.expand_dims(samples, -1) - pixels))
        return weights * ops.expand_dims(mask, 2)


def cut_all(cutter: Cutter, images: NDArray[np.uint8], max_parts: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Crops and counts of any number of images: `Cutter.characters` in batches, as NumPy arrays.

    Example:
        >>> crops, counts = cut_all(Cutter(side=20), np.full((3, 40, 100, 3), 255, np.uint8), max_parts=4)
        >>> crops.shape, counts.tolist()
        ((3, 4, 20, 20), [0, 0, 0])
    """
    crops = np.empty((len(images), max_parts, cutter.side, cutter.side), np.float32)
    counts = np.empty(len(images), np.int32)
    for rows in batch_slices(len(images)):
        found, count = cutter.characters(images[rows], max_parts)
        crops[rows], counts[rows] = np.asarray(found), np.asarray(count)
    return crops, counts


def reason(count: int, spec: CaptchaSpec) -> str | None:
    """Why an image with this number of parts cannot be a text of the spec, in words; None if it can.

    Example:
        >>> reason(3, CaptchaSpec(min_length=4, max_length=4))
        'touching characters: 3 parts, expected 4'
    """
    parts = f"{count} part{'' if count == 1 else 's'}"
    if count == 0:
        return "no ink"
    if count < spec.min_length:
        return f"touching characters: {parts}, expected {spec.length}"
    if count > spec.max_length:
        return f"too many parts: {parts}, expected {spec.length}"
    return None


def _span(mask: Tensor) -> Tensor:
    """1 from the first to the last 1 of the last axis, else 0."""
    up_to_here = ops.cumsum(mask, axis=-1)
    from_here = ops.sum(mask, axis=-1, keepdims=True) - up_to_here + mask
    return ops.sign(up_to_here * from_here)


def _centre(mask: Tensor) -> Tensor:
    """Mean coordinate of the ones of the last axis, moved between two pixels so that scale 1 copies pixels exactly."""
    pixels = np.arange(mask.shape[-1], dtype=np.float32)
    return ops.floor(ops.sum(mask * pixels, axis=-1) / ops.maximum(ops.sum(mask, axis=-1), 1.0)) + 0.5
