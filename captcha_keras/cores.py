"""The processor's cores."""

from __future__ import annotations

import os


def available_cores() -> int:
    """The number of cores that this process may use; under `taskset` fewer than the machine has.

    Example:
        >>> 1 <= available_cores() <= os.cpu_count()
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
