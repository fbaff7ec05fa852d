"""Errors that a user can cause and mend.

A command prints the message of an `InputError` as one sentence and exits with status 2;
any other failure while working exits with status 1 (see `captcha_keras.cli.console`).
"""

from __future__ import annotations

from collections.abc import Sequence

SHOWN_PROBLEMS = 10


class InputError(ValueError):
    """Wrong use or bad input: the message says what, where, and what was expected.

    Example:
        >>> from captcha_keras.spec import parse_length
        >>> try:
        ...     parse_length("many")
        ... except InputError as error:
        ...     print(error)
        The length must look like 4 or 4-8, got 'many'.
    """


class CommandError(RuntimeError):
    """A failure while working that has a clear cause; the message says it in one sentence (exit status 1).

    Example:
        >>> from captcha_keras.cli.console import run_command
        >>> def draw() -> None:
        ...     raise CommandError("A process that draws images died.")
        >>> run_command(draw, on_interrupt="")
        1
    """


class DatasetError(InputError):
    """A dataset folder that cannot be used as it is.

    Args:
        summary: One sentence that names the folder.
        problems: One line for each bad file or label line; all are counted, the first ten are shown.

    Example:
        >>> print(DatasetError("data has 2 bad entries:", ["0.png is empty", "1.png is 60x40, expected 170x80"]))
        data has 2 bad entries:
          0.png is empty
          1.png is 60x40, expected 170x80
    """

    def __init__(self, summary: str, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(problems)
        lines = [summary]
        lines += [f"  {problem}" for problem in self.problems[:SHOWN_PROBLEMS]]
        if len(self.problems) > SHOWN_PROBLEMS:
            lines.append(f"  … and {len(self.problems) - SHOWN_PROBLEMS} more")
        super().__init__("\n".join(lines))
