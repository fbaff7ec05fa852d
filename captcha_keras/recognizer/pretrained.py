"""The pretrained models that come with the project."""

from __future__ import annotations

from pathlib import Path

from captcha_keras.errors import InputError
from captcha_keras.recognizer.formats import SAVED_MODEL

PACKAGE = Path(__file__).resolve().parents[1]


def versions(repository: Path) -> dict[int, Path]:
    """The complete versions of an exported model, by number.

    Args:
        repository: The folder that holds the versions, each named by its number.

    Example:
        >>> sorted(versions(pretrained_path("captcha")))
        [1]
    """
    return {
        int(path.name): path
        for path in repository.glob("*/")
        if path.name.isascii() and path.name.isdecimal() and (path / SAVED_MODEL).is_file()
    }


def list_pretrained() -> list[str]:
    """The names of the pretrained models, sorted.

    Example:
        >>> list_pretrained()
        ['any', 'captcha']
    """
    return sorted(path.name for path in _home().glob("*/") if versions(path))


def pretrained_path(name: str) -> Path:
    """The folder that holds the versions of a pretrained model.

    Raises:
        InputError: There is no such model; the message names those that there are.

    Example:
        >>> pretrained_path("captcha").name
        'captcha'
    """
    names = list_pretrained()
    if name not in names:
        raise InputError(f"There is no pretrained model {name!r}; there is {', '.join(names) or 'none'}.")
    return _home() / name


def _home() -> Path:
    """An installed package holds the models itself; in a checkout they are in `models/`."""
    packed = PACKAGE / "pretrained"
    return packed if packed.is_dir() else PACKAGE.parent / "models"
