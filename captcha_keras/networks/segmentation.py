"""Cutting an image of dark characters on a light ground into its characters, where empty columns part them.

Written with `keras.ops` for batches, so that a network can hold it: the same cut in training, in evaluation and in
every exported file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from captcha_keras.dataset.batching import batch_slices
from captcha_keras.spec import CaptchaSpec

Tensor = Any

# A character fainter than this, about one grey level of 255, is not blown up to a black one.
MIN_CONTRAST = 1 / 255


@dataclass(frozen=True)
class Cuts:
    """Where the parts of N images lie; a part is a run of columns with ink.

    Attributes:
        count: int32 `(N,)`: how many parts there are, also those beyond L.
        columns: float32 `(N, L, width)`: 1 for the columns of part l, 0 elsewhere.
        rows: float32 `(N, L, height)`: 1 for the rows between the first and the last ink of part l.
    """

    count: Tensor
    columns: Tensor
    rows: Tensor


@dataclass(frozen=True)
class Cutter:
    """How characters are cut out.

    Attributes:
        side: Side in pixels of the squares that the characters become.
        threshold: A pixel whose darkest channel is below this is ink; 0 to 255.
        shrink: Every block of shrink x shrink pixels becomes its mean first, but in images of a single character, which
            are as large as they shall be.
        trim: Whether empty rows above and below a character are cut off.
        margin: Empty border of the square around the character, in fractions of the longer side of the character.
        contrast: Whether the ink of each character is stretched: 0 up to the threshold, 1 at its darkest.
    """

    side: int
    threshold: int = 210
    shrink: int = 2
    trim: bool = False
    margin: float = 0.0
    contrast: bool = False

    @property
    def _faintest(self) -> float:
        """Ink between that of the threshold and that of the grey level below it."""
        return 1.0 - (self.threshold - 0.5) / 255.0

    def characters(self, images: Tensor, most: int) -> tuple[Tensor, Tensor]:
        """Cut images into squares.

        Args:
            images: uint8 `(N, height, width, 3)`.
            most: How many squares an image gives; L.

        Returns:
            Ink from 0 (white) to 1 (black), float32 `(N, L, side, side)`, empty where there is no part; and the number
            of parts, int32 `(N,)`. With L = 1 all ink is one part.
        """
        ink = self.ink(images, 1 if most == 1 else self.shrink)
        cuts = self.cut(ink, most)
        return self.squares(ink, cuts), cuts.count

    def ink(self, images: Tensor, shrink: int) -> Tensor:
        """The darkest channel from 0 (white) to 1 (black), shrunk: float32 `(N, height, width)`."""
        ink = 1.0 - ops.min(ops.cast(images, "float32"), axis=-1, keepdims=True) / 255.0
        if shrink > 1:
            ink = ops.average_pool(ink, shrink, strides=shrink)
        return ops.squeeze(ink, axis=-1)

    def cut(self, ink: Tensor, most: int) -> Cuts:
        """Find the parts of `ink` images from left to right.

        Args:
            ink: float32 `(N, height, width)`.
            most: L.
        """
        # Signs, not comparisons: oneDNN has no kernels for truth values and says so on the terminal.
        dark = ops.sign(ops.relu(ink - self._faintest))
        filled = ops.max(dark, axis=1)  # the projection: (N, width)
        if most == 1:
            part = _between(filled)
            count = ops.max(filled, axis=1)
        else:
            before = ops.pad(filled[:, :-1], [[0, 0], [1, 0]])
            starts = filled * (1.0 - before)
            part = filled * ops.cumsum(starts, axis=1)  # 1, 2, … in the columns of the first, second, … part
            count = ops.sum(starts, axis=1)
        wanted = np.arange(1, most + 1, dtype=np.float32).reshape(1, most, 1)
        columns = ops.relu(1.0 - ops.abs(ops.expand_dims(part, 1) - wanted))
        # Which rows have ink in the columns of a part: (N, L, width) x (N, width, height).
        rows = _between(ops.sign(ops.matmul(columns, ops.transpose(dark, (0, 2, 1)))))
        return Cuts(ops.cast(count, "int32"), columns, rows)

    def squares(self, ink: Tensor, cuts: Cuts) -> Tensor:
        """The parts in the middle of squares, scaled alike in both directions: float32 `(N, L, side, side)`."""
        height = ink.shape[1]
        wide = ops.sum(cuts.columns, axis=-1)  # (N, L)
        high = ops.sum(cuts.rows, axis=-1) if self.trim else float(height) * ops.sign(wide)
        size = ops.maximum(ops.maximum(wide, high), 1.0) * (1.0 + 2.0 * self.margin)
        across = self._resampling(cuts.columns, _middle(cuts.columns), size)
        middle = _middle(cuts.rows) if self.trim else ops.full_like(wide, (height - 1) / 2)
        rows = cuts.rows if self.trim else ops.ones_like(cuts.rows)
        down = self._resampling(rows, middle, size)
        # (N, L, side, height) x (N, 1, height, width) x (N, L, width, side)
        squares = ops.matmul(ops.matmul(down, ops.expand_dims(ink, 1)), ops.transpose(across, (0, 1, 3, 2)))
        return self._stretched(squares) if self.contrast else squares

    def _stretched(self, squares: Tensor) -> Tensor:
        above = ops.relu(squares - self._faintest)
        return above / ops.maximum(ops.max(above, axis=(2, 3), keepdims=True), MIN_CONTRAST)

    def _resampling(self, inside: Tensor, middle: Tensor, size: Tensor) -> Tensor:
        """Weights of linear interpolation from the places of an axis to the side of the square.

        Args:
            inside: 1 for the places that belong to the part: `(N, L, places)`.
            middle: The place that becomes the middle of the square: `(N, L)`.
            size: How many places the square covers: `(N, L)`.

        Returns:
            float32 `(N, L, side, places)`.
        """
        places = np.arange(inside.shape[-1], dtype=np.float32)
        steps = (np.arange(self.side, dtype=np.float32) + 0.5) / self.side - 0.5
        wanted = ops.expand_dims(middle, -1) + ops.expand_dims(size, -1) * steps
        weights = ops.relu(1.0 - ops.abs(ops.expand_dims(wanted, -1) - places))
        return weights * ops.expand_dims(inside, 2)


def cut_all(cutter: Cutter, images: NDArray[np.uint8], most: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """`Cutter.characters` of any number of images, in batches: NumPy arrays."""
    squares = np.empty((len(images), most, cutter.side, cutter.side), np.float32)
    counts = np.empty(len(images), np.int32)
    for rows in batch_slices(len(images)):
        found, count = cutter.characters(images[rows], most)
        squares[rows], counts[rows] = np.asarray(found), np.asarray(count)
    return squares, counts


def reason(count: int, spec: CaptchaSpec) -> str | None:
    """Why an image with so many parts cannot be cut into a text of the spec; None if it can."""
    parts = f"{count} part{'' if count == 1 else 's'}"
    if count == 0:
        return "no ink"
    if count < spec.min_length:
        return f"touching characters: {parts}, expected {spec.length}"
    if count > spec.max_length:
        return f"too many parts: {parts}, expected {spec.length}"
    return None


def _between(flags: Tensor) -> Tensor:
    """Ones from the first to the last 1 of the last axis."""
    ahead = ops.cumsum(flags, axis=-1)
    behind = ops.sum(flags, axis=-1, keepdims=True) - ahead + flags
    return ops.sign(ahead * behind)


def _middle(flags: Tensor) -> Tensor:
    """The mean place of the ones of the last axis, moved between two places so that pixels stay pixels at scale 1."""
    places = np.arange(flags.shape[-1], dtype=np.float32)
    return ops.floor(ops.sum(flags * places, axis=-1) / ops.maximum(ops.sum(flags, axis=-1), 1.0)) + 0.5
