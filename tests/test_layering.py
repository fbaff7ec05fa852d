"""Who may import whom, and what a plain import may load."""

from __future__ import annotations

import ast
import graphlib
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import captcha_keras

ROOT = Path(__file__).parent.parent
HEAVY = ("tensorflow", "keras", "matplotlib", "pandas", "jax", "torch")

# The stages from the bottom to the top: a module imports its own stage and those below it.
STAGES = (
    ("captcha_keras.errors",),
    ("captcha_keras.files", "captcha_keras.cores", "captcha_keras.spec"),
    ("captcha_keras.dataset",),
    ("data_gen",),
    ("captcha_keras.pipeline",),
    ("captcha_keras.networks",),
    ("captcha_keras.training",),
    ("captcha_keras.recognizer",),
    ("captcha_keras.evaluation",),
    ("captcha_keras.export",),
    ("captcha_keras.audit",),
    ("captcha_keras.serving",),
    ("captcha_keras.cli",),
    ("captcha_keras", "captcha_keras.__main__"),
)
EXCEPTIONS = {
    # The generator is a command of its own and talks to the terminal as every command does.
    "data_gen.cli": {"captcha_keras.cli.console", "captcha_keras.cli.progress"},
    # For the version.
    "captcha_keras.cli.main": {"captcha_keras"},
}
# Files with more lines have more than one purpose.
MAX_LINES = 300
MAX_ENTRIES = 14


def modules() -> dict[str, Path]:
    files = [path for package in ("captcha_keras", "data_gen") for path in sorted((ROOT / package).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


MODULES = modules()


def imports(path: Path) -> set[str]:
    """Every module that a file names in an import: at its top, in a function, or for type checkers alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            # `from package import module` runs the package's `__init__` too.
            found |= {str(node.module)} | ({f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys())
    return found


IMPORTS = {name: imports(path) & MODULES.keys() for name, path in MODULES.items()}


def stage(module: str) -> int:
    """The stage whose name is the longest that the module's begins with."""
    named = {name: number for number, names in enumerate(STAGES) for name in names}
    return max((len(name), number) for name, number in named.items() if f"{module}.".startswith(f"{name}."))[1]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_lies_below_it(name: str) -> None:
    above = {module for module in IMPORTS[name] if stage(module) > stage(name)}
    assert above == EXCEPTIONS.get(name, set())


def test_no_two_modules_import_each_other_directly_or_round_a_circle() -> None:
    graphlib.TopologicalSorter(IMPORTS).prepare()


def test_the_circle_finder_finds_circles() -> None:
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


@pytest.mark.parametrize("name", MODULES)
def test_heavy_packages_stay_in_their_rooms(name: str) -> None:
    outside = {module.split(".")[0] for module in imports(MODULES[name])}
    if name.startswith("data_gen"):
        assert not outside & set(HEAVY)
    if name.startswith(
        ("captcha_keras.networks", "captcha_keras.training.metrics", "captcha_keras.training.optimizer")
    ):
        assert "tensorflow" not in outside
    if name.startswith("captcha_keras.training"):
        assert "matplotlib" not in outside


def test_rooms_are_few_and_files_are_small() -> None:
    entries = [path.name for path in (ROOT / "captcha_keras").iterdir() if not path.name.startswith(("__", "."))]
    entries = [name for name in entries if name not in ("py.typed", "pretrained")]
    assert len(entries) <= MAX_ENTRIES, entries
    long = {name for name, path in MODULES.items() if len(path.read_text("utf-8").splitlines()) > MAX_LINES}
    assert long == set()


@pytest.mark.parametrize("name", [name for name, path in MODULES.items() if path.name == "__init__.py"])
def test_no_attribute_hides_a_module(name: str) -> None:
    package = importlib.import_module(name)
    below = [module for module in MODULES if module.rpartition(".")[0] == name and not module.endswith("__main__")]
    for module in below:
        importlib.import_module(module)
        assert isinstance(inspect.getattr_static(package, module.rpartition(".")[2]), ModuleType)


@pytest.mark.parametrize(
    "statement",
    [
        "import captcha_keras",
        "import data_gen",
        "import captcha_keras.dataset",
        "import captcha_keras.cli.main",
        "from captcha_keras import CaptchaSpec, open_dataset",
        "import data_gen.generate",
    ],
)
def test_a_plain_import_loads_nothing_heavy(statement: str) -> None:
    code = f"{statement}\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"


def test_every_exported_name_is_there() -> None:
    assert captcha_keras.__all__ == sorted(captcha_keras.__all__)
    assert set(captcha_keras.__all__) <= set(dir(captcha_keras))
    for name in captcha_keras.__all__:
        value = getattr(captcha_keras, name)
        assert value.__module__.startswith("captcha_keras.")
        assert inspect.getdoc(value)
    with pytest.raises(AttributeError, match="attribute nothing"):
        captcha_keras.nothing  # noqa: B018


@pytest.mark.parametrize("script", ["data_gen.py", "train.py", "evaluate.py"])
def test_a_script_is_a_shim(script: str) -> None:
    lines = (ROOT / script).read_text().splitlines()
    assert len(lines) <= 15
    assert "sys.exit(main())" in lines[-1]
