"""Where decoded images live while they are needed: in memory, or in a file on disk."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from captcha_keras.dataset.load import Allocate, in_memory
from captcha_keras.errors import InputError

# More of the free memory than this goes to disk: training needs room of its own.
MEMORY_FRACTION = 0.5
STORE_PREFIX = ".images-"


def free_memory() -> int | None:
    """The memory in bytes that can be used without swapping; None where the system does not say.

    Example:
        >>> free = free_memory()
        >>> free is None or free > 1024**2
        True
    """
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


@contextmanager
def image_store(kind: str, folder: Path) -> Iterator[Allocate]:
    """Where decoded images live while the block runs: in memory, or in a file on disk.

    Args:
        kind: "memory", "disk", or "auto": on disk when the images would take more than half of the free memory.
        folder: Where the file goes, made if need be; the file is removed at the end.

    Raises:
        InputError: There is no such kind.

    Yields:
        A function that makes the uint8 array from its shape (the argument `allocate` of `Dataset.images`).

    Example:
        >>> with image_store("disk", Path("store")) as allocate:
        ...     type(allocate((2, 24, 40, 3))), Path("store").exists()
        (<class 'numpy.memmap'>, True)
        >>> Path("store").exists()
        False
    """
    if kind not in ("auto", "memory", "disk"):
        raise InputError(f"The image store must be auto, memory or disk, got {kind!r}.")
    for leftover in folder.glob(f"{STORE_PREFIX}*"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    with ExitStack() as stack:

        def allocate(shape: tuple[int, ...]) -> NDArray[np.uint8]:
            size = int(np.prod(shape, dtype=np.int64))
            free = free_memory()
            if kind == "memory" or (kind == "auto" and (free is None or size <= MEMORY_FRACTION * free)):
                return in_memory(shape)
            if not folder.exists():
                folder.mkdir(parents=True)
                stack.callback(_remove_if_empty, folder)
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix=STORE_PREFIX, dir=folder))
            return np.lib.format.open_memmap(Path(directory) / "images.npy", mode="w+", dtype=np.uint8, shape=shape)

        yield allocate


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
