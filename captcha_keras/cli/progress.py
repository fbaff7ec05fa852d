"""Shows progress on a terminal or in a log."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class ProgressBar:
    """Progress with rate and time left: a line that renews itself on a terminal, plain lines otherwise.

    Args:
        title: What is being done.
        total: How many steps it has.
        unit: What a step is, in the plural.
        stream: Where to write; standard error by default.
        started_at: Steps that were done before, left out of the rate.

    Example:
        >>> bar = ProgressBar("Drawing", total=2000, stream=sys.stdout)
        >>> bar(2000)  # doctest: +ELLIPSIS
        Drawing: 2,000/2,000 images (100 %), ... images/s, took 0 s
    """

    def __init__(
        self,
        title: str,
        total: int,
        unit: str = "images",
        stream: TextIO | None = None,
        started_at: int = 0,
    ) -> None:
        self._title, self._total, self._unit = title, total, unit
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._interval = 0.2 if self._terminal else 10.0
        self._started_at = started_at
        self._start = self._written = time.monotonic()

    def __call__(self, done: int) -> None:
        """Show that `done` of the steps are done."""
        now = time.monotonic()
        if done < self._total and now - self._written < self._interval:
            return
        self._written = now
        rate = (done - self._started_at) / max(now - self._start, 1e-9)
        if done < self._total:
            left = f", {_duration((self._total - done) / rate)} left" if rate > 0 else ""
        else:
            left = f", took {_duration(now - self._start)}"
        fraction = 100 * done // max(self._total, 1)
        line = f"{self._title}: {done:,}/{self._total:,} {self._unit} ({fraction} %), {rate:,.0f} {self._unit}/s{left}"
        if self._terminal:
            end = "\n" if done >= self._total else ""
            self._stream.write(f"\r\x1b[K{line}{end}")
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
