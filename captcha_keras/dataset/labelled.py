"""Decoded images in memory, with their labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelledImages:
    """Decoded images and their labels, row by row.

    Attributes:
        images: uint8 RGB, shape `(N, height, width, 3)`, values 0 to 255.
        labels: int32 class ids, shape `(N, L)`.
        names: The file name of each image; empty if they have none.
        source: A few words for a report: which images these are.

    Example:
        >>> import numpy as np
        >>> data = LabelledImages(np.zeros((3, 80, 170, 3), np.uint8), np.zeros((3, 4), np.int32))
        >>> len(data), len(data[:2])
        (3, 2)
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    names: tuple[str, ...] = ()
    source: str = ""

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> LabelledImages:
        """The rows of a slice, as views of the same arrays."""
        return replace(self, images=self.images[rows], labels=self.labels[rows], names=self.names[rows])
