"""How every command talks to a terminal: interruption, exit status.

Exit status: 0 success, 1 a failure while working, 2 wrong use or bad input, 130 after Ctrl-C and 143 after
SIGTERM, as shells expect.
"""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable

from captcha_keras.cli.interruption import Interruptible
from captcha_keras.errors import CommandError, InputError


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
    with Interruptible() as interruptible:
        try:
            work()
        except (Exception, KeyboardInterrupt) as error:
            # TensorFlow turns some interruptions into errors of its own.
            if interruptible.signal_number is not None or isinstance(error, KeyboardInterrupt):
                return _fail(f"Interrupted. {on_interrupt}", 128 + (interruptible.signal_number or signal.SIGINT))
            return _answer(error, on_interrupt)
    return 0


def _answer(error: Exception, on_interrupt: str) -> int:
    """Say what a user can cause; anything else is raised again."""
    if isinstance(error, InputError):
        return _fail(str(error), 2)
    if isinstance(error, CommandError):
        return _fail(str(error), 1)
    if isinstance(error, BrokenPipeError):
        # The reader of a pipe (`| head`) has gone; Python would complain once more at exit.
        sys.stdout = None
        return 1
    if isinstance(error, OSError):
        return _fail(f"{describe(error)} {on_interrupt}", 1)
    raise error


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
