"""The examples in docstrings: every public class and function has one, and each module's run in an empty folder."""

from __future__ import annotations

import ast
import doctest
import importlib
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("captcha_keras", "data_gen")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in FILES
    if ">>> " in path.read_text("utf-8")
]
# What a command does is in its help text, and its tests run it.
COMMANDS = {"parser", "main"}
# Modules of which something has no example yet.
UNFINISHED = ("data_gen/looks/",)


def without_example(path: Path) -> list[str]:
    """The public classes and functions of a module whose docstrings have no example."""
    definitions = ast.parse(path.read_text("utf-8")).body
    return [
        node.name
        for node in definitions
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        and not node.name.startswith("_")
        and ">>> " not in (ast.get_docstring(node) or "")
    ]


def test_everything_public_has_an_example() -> None:
    missing = {
        f"{path.relative_to(ROOT).as_posix()} {name}"
        for path in FILES
        for name in without_example(path)
        if name not in COMMANDS or "cli" not in (path.stem, path.parent.name)
    }
    assert not {place for place in missing if not place.startswith(UNFINISHED)}
    finished = [prefix for prefix in UNFINISHED if not any(place.startswith(prefix) for place in missing)]
    assert not finished, "take these out of UNFINISHED"


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if str(error.name).startswith(PACKAGES):
            raise
        pytest.skip(f"{name} needs {error.name}")
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    failed, attempted = doctest.testmod(module)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert attempted
    assert not failed, "see the output"
