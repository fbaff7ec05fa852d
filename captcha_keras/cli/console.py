"""How every command talks to a terminal: interruption, exit status.

Exit status: 0 success, 1 a failure while working, 2 wrong use or bad input, 130 after Ctrl-C and 143 after
SIGTERM, as shells expect.
"""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable
from types import FrameType

from captcha_keras.errors import CommandError, InputError


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; it is handled as Ctrl-C is.

    Example:
        >>> run_command(lambda: signal.raise_signal(signal.SIGTERM), on_interrupt="What was drawn is kept.")
        143
    """


def run_command(work: Callable[[], None], *, on_interrupt: str) -> int:
    """Run a command and turn what a user can cause into one sentence and an exit status.

    Args:
        work: The command.
        on_interrupt: What to tell a user after an interruption or a full disk: what was kept and how to resume.

    Returns:
        The exit status.

    Example:
        >>> from contextlib import redirect_stderr
        >>> def work() -> None:
        ...     raise InputError("The seed must be at least 0, got -1.")
        >>> with redirect_stderr(sys.stdout):
        ...     run_command(work, on_interrupt="")
        The seed must be at least 0, got -1.
        2
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
        return _fail(f"{describe(error)} {on_interrupt}", 1)
    except KeyboardInterrupt as error:
        return _fail(f"Interrupted. {on_interrupt}", 143 if isinstance(error, Terminated) else 130)
    return 0


def describe(error: OSError) -> str:
    """One sentence for an error of the operating system.

    Example:
        >>> describe(OSError(errno.ENOSPC, "No space left on device", "data/labels.txt"))
        'The disk is full: data/labels.txt.'
    """
    where = f": {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC or error.errno == errno.EDQUOT:
        return f"The disk is full{where}."
    return f"{error.strerror or error}{where}."


def _fail(message: str, status: int) -> int:
    # A renewed progress line may still stand on the terminal.
    lead = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{lead}{message}", file=sys.stderr)
    return status


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
