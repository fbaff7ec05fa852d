"""Errors that a user can cause and mend.

A command prints the message of an `InputError` as one sentence and exits with status 2;
any other failure while working exits with status 1 (see `captcha_keras.console`).
"""

from __future__ import annotations

from collections.abc import Sequence

SHOWN_PROBLEMS = 10


class InputError(ValueError):
    """Wrong use or bad input: the message says what, where, and what was expected."""


class CommandError(RuntimeError):
    """A failure while working that has a clear cause, in one sentence (exit status 1)."""


class DatasetError(InputError):
    """A dataset folder that cannot be used as it is.

    Args:
        summary: One sentence that names the folder.
        problems: One line for each bad file or label line; all are counted, the first ten are shown.
    """

    def __init__(self, summary: str, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(problems)
        lines = [summary]
        lines += [f"  {problem}" for problem in self.problems[:SHOWN_PROBLEMS]]
        if len(self.problems) > SHOWN_PROBLEMS:
            lines.append(f"  … and {len(self.problems) - SHOWN_PROBLEMS} more")
        super().__init__("\n".join(lines))
