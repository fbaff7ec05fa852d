"""Ctrl-C and SIGTERM as an exception that arrives."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any

# How long an interruption may stay unnoticed before it is raised once more.
RETRY_SECONDS = 1.0


class Interruptible:
    """While the block runs, Ctrl-C and SIGTERM raise KeyboardInterrupt until the block ends; main thread only.

    Python raises it in whatever code runs at that moment. TensorFlow's compiled code drops an exception that reaches it
    while it calls back into Python, or makes another error of it, so that a training goes on. Then it is raised again.

    Attributes:
        signal_number: The signal that arrived; None if there was none.

    Example:
        >>> with Interruptible() as interruptible:
        ...     try:
        ...         signal.raise_signal(signal.SIGTERM)
        ...     except KeyboardInterrupt:
        ...         print("interrupted by", interruptible.signal_number)
        interrupted by 15
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruptible:
        handled = [signal.SIGTERM]
        # A shell starts a job in the background with Ctrl-C ignored.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            handled.append(signal.SIGINT)
        # Windows has no timer.
        if hasattr(signal, "setitimer"):
            handled.append(signal.SIGALRM)
        self._before = {number: signal.signal(number, self._raise) for number in handled}
        return self

    def __exit__(self, *_: object) -> None:
        if signal.SIGALRM in self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        again = number not in (signal.SIGINT, signal.SIGTERM)
        if not again:
            self.signal_number = number
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, RETRY_SECONDS)
        # Cleaning up after the first one must not be cut short.
        if not (again and _is_handled(sys.exc_info()[1])):
            raise KeyboardInterrupt


def _is_handled(error: BaseException | None) -> bool:
    """Whether the code that runs is an `except` or `finally` block of an interruption."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
