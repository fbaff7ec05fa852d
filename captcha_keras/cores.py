"""The processor's cores."""

from __future__ import annotations

import os


def available_cores() -> int:
    """How many cores this process may use: within a container or `taskset` fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
