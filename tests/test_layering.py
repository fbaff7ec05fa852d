"""Who may import whom, and what a plain import may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import captcha_keras

ROOT = Path(__file__).parent.parent
HEAVY = ("tensorflow", "keras", "matplotlib", "pandas", "jax", "torch")

# Inside of the project a module may import only these, and itself.
BOTTOM = {f"captcha_keras.{name}" for name in ("console", "cores", "errors", "files", "images")}
ALLOWED = {
    "captcha_keras.cores": set(),
    "captcha_keras.errors": set(),
    "captcha_keras.files": set(),
    "captcha_keras.console": {"captcha_keras.errors"},
    "captcha_keras.images": {"captcha_keras.errors"},
    "captcha_keras.spec": {"captcha_keras.errors"},
    "captcha_keras.augment": {"captcha_keras.errors"},
    "captcha_keras.pipeline": {"captcha_keras.augment", "captcha_keras.errors"},
    "captcha_keras.evaluation": {"captcha_keras.spec"},
    "captcha_keras.metrics": set(),
}
DRAWERS = {
    "captcha_keras.audit.engine",
    "captcha_keras.audit.subject",
    "captcha_keras.audit.sweep",
    "captcha_keras.cli.audit",
    "captcha_keras.cli.export",
    "captcha_keras.cli.main",
    "captcha_keras.cli.train",
    "captcha_keras.evaluation_data",
    "captcha_keras.fresh",
    "captcha_keras.serving.drawing",
    "captcha_keras.training.fresh_images",
    "captcha_keras.training.trainer",
}


def modules() -> list[tuple[str, Path]]:
    files = [path for package in ("captcha_keras", "data_gen") for path in sorted((ROOT / package).rglob("*.py"))]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files]
    return list(zip(names, files, strict=True))


def imports(path: Path) -> set[str]:
    """Every module that a file imports at run time, at its top or inside of a function."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            known = {name for name, _ in modules()}
            found |= (names & known) or {node.module}
    return found


@pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])
def test_a_module_imports_only_what_lies_below_it(name: str, path: Path) -> None:
    inside = {module for module in imports(path) if module.split(".")[0] in ("captcha_keras", "data_gen")}
    if name in ALLOWED:
        assert inside <= ALLOWED[name]
    if name.startswith("captcha_keras.dataset"):
        below = BOTTOM | {"captcha_keras.spec"}
        assert {module for module in inside if not module.startswith("captcha_keras.dataset")} <= below
    if name.startswith("data_gen"):
        below = BOTTOM | {"captcha_keras.spec"}
        assert {module for module in inside if not module.startswith(("data_gen", "captcha_keras.dataset"))} <= below
        assert not {module.split(".")[0] for module in imports(path)} & set(HEAVY)
    elif name not in DRAWERS:
        assert not {module for module in inside if module.startswith("data_gen")}
    if not name.startswith("captcha_keras.cli") and name != "captcha_keras.__main__":
        assert not {module for module in inside if module.startswith("captcha_keras.cli")}
    if name.startswith(("captcha_keras.networks", "captcha_keras.metrics", "captcha_keras.training.optimizer")):
        assert not {module for module in imports(path) if module.startswith("tensorflow")}


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
    for name in captcha_keras.__all__:
        value = getattr(captcha_keras, name)
        assert value.__module__.startswith("captcha_keras.")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        captcha_keras.nothing  # noqa: B018


@pytest.mark.parametrize("script", ["data_gen.py", "train.py", "evaluate.py"])
def test_a_script_is_a_shim(script: str) -> None:
    lines = (ROOT / script).read_text().splitlines()
    assert len(lines) <= 15
    assert "sys.exit(main())" in lines[-1]
