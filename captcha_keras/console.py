"""How every command talks to a terminal: progress, interruption, exit status.

Exit status: 0 success, 1 a failure while working, 2 wrong use or bad input, 130 after Ctrl-C and 143 after
SIGTERM, as shells expect.
"""

from __future__ import annotations

import errno
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TextIO

from captcha_keras.errors import CommandError, InputError


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: handled as Ctrl-C is."""


def run_command(work: Callable[[], None], *, kept: str) -> int:
    """Run a command and turn what a user can cause into one sentence and an exit status.

    Args:
        work: The command.
        kept: What to tell a user after an interruption or a full disk: what was kept and how to go on.

    Returns:
        The exit status.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        work()
    except InputError as error:
        return _fail(str(error), 2)
    except CommandError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has gone; Python would complain once more at exit.
        sys.stdout = None
        return 1
    except OSError as error:
        return _fail(f"{describe(error)} {kept}", 1)
    except KeyboardInterrupt as error:
        return _fail(f"Interrupted. {kept}", 143 if isinstance(error, Terminated) else 130)
    return 0


def describe(error: OSError) -> str:
    """One sentence for an error of the operating system."""
    where = f": {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC or error.errno == errno.EDQUOT:
        return f"The disk is full{where}."
    return f"{error.strerror or error}{where}."


class ProgressBar:
    """Progress with rate and time left: a line that renews itself on a terminal, plain lines otherwise.

    Args:
        title: What is being done.
        total: How many steps it has.
        unit: What a step is, in the plural.
        stream: Where to write; standard error by default.
        started_at: Steps that were done before, left out of the rate.
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
        share = 100 * done // max(self._total, 1)
        line = f"{self._title}: {done:,}/{self._total:,} {self._unit} ({share} %), {rate:,.0f} {self._unit}/s{left}"
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


def _fail(message: str, status: int) -> int:
    # A renewed progress line may still stand on the terminal.
    lead = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{lead}{message}", file=sys.stderr)
    return status


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
