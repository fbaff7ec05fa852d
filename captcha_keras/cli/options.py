"""Options of a command from environment variables and from a file, besides the command line."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from captcha_keras.errors import InputError


class OptionParser(argparse.ArgumentParser):
    """A parser whose options may also stand in environment variables, and in a file that `--options` names.

    The file has options as on a command line, on as many lines as one likes; `#` begins a comment. It needs
    `argument_default=argparse.SUPPRESS`.

    Example:
        >>> parser = OptionParser(argument_default=argparse.SUPPRESS)
        >>> for flag in ("--grpc-port", "--threads"):
        ...     action = parser.add_argument(flag, type=int)
        >>> environment = {"SERVE_GRPC_PORT": "8500", "SERVE_THREADS": "1", "HOME": "/"}
        >>> parser.read(["--grpc-port", "--threads"], ["--threads", "3"], environment, "SERVE_")
        {'grpc_port': 8500, 'threads': 3}
    """

    _where = ""

    def read(
        self, flags: Iterable[str], arguments: Sequence[str] | None, environment: Mapping[str, str], prefix: str
    ) -> dict[str, Any]:
        """The options that were given, by name.

        The command line counts before the file, and the file before the environment.

        Args:
            flags: The options that may come from the environment, like `--grpc-port`.
            arguments: The command line; None for that of the process.
            environment: The environment variables.
            prefix: What the names of those variables begin with that are options.

        Raises:
            InputError: A variable or the file has something that is no option, or a wrong value.
        """
        given = vars(self.parse_args(arguments))
        names = {prefix + flag.removeprefix("--").replace("-", "_").upper(): flag for flag in flags}
        below: dict[str, Any] = {}
        for name in sorted(variable for variable in environment if variable.startswith(prefix)):
            if name not in names:
                raise InputError(f"The environment variable {name} is no option; expected one of {', '.join(names)}.")
            below |= self._parse([f"{names[name]}={environment[name]}"], f"The environment variable {name}")
        file = (below | given).get("options")
        if file is not None:
            below |= self._parse(_words(file), str(file))
        options = below | given
        options.pop("options", None)
        return options

    def error(self, message: str) -> NoReturn:
        """Tell a mistake: as argparse does, or with the place that has it if that is no command line."""
        if self._where:
            raise InputError(f"{self._where}: {message}.")
        super().error(message)

    def _parse(self, words: Sequence[str], where: str) -> dict[str, Any]:
        self._where = where
        try:
            return vars(self.parse_args(words))
        finally:
            self._where = ""


def _words(file: Path) -> list[str]:
    try:
        return shlex.split(file.read_text("utf-8"), comments=True)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"{file} is no file of options: {error}.") from error
