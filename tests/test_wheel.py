"""The wheel: what it holds, and that it works in an environment of its own, far from the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from captcha_keras.spec import CaptchaSpec
from data_gen.series import Drawing, Series

ROOT = Path(__file__).parents[1]
PACKAGES = ("captcha_keras", "data_gen")
BUILT_FROM = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "requirements.txt", "setup.py")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def call(*command: object, cwd: Path) -> str:
    result = subprocess.run(
        [*map(str, command)], cwd=cwd, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def pip(*words: object, cwd: Path) -> None:
    call(sys.executable, "-m", "pip", "--disable-pip-version-check", *words, cwd=cwd)


def build_wheel(source: Path, folder: Path) -> Path:
    # The extra "test" installs setuptools: without isolation nothing is downloaded.
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source, cwd=source.parent)
    (wheel,) = folder.iterdir()
    return wheel


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel by name, but for the list of their hashes."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith(("/", "/RECORD"))}


def files(folder: Path, name: str) -> dict[str, bytes]:
    """The files of a folder, by the name that they have in the wheel where the folder has the name given."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {f"{name}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the wheel is made of, beside what an earlier build left."""
    folder = tmp_path_factory.mktemp("source")
    for name in (*PACKAGES, "models"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, folder)
    (folder / "build" / "lib" / "captcha_keras").mkdir(parents=True)
    (folder / "build" / "lib" / "captcha_keras" / "removed.py").touch()
    (folder / "models" / "captcha" / "2").mkdir()
    (folder / "models" / "captcha" / "2" / "half.txt").touch()
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a fresh environment; what it depends on comes from the environment of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name != "nt")
    pip("--python", folder, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    # Folders that a .pth file names come last, and .pth files in them do nothing: no editable installation gets in.
    (packages / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    return folder


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return Series(CaptchaSpec(), "wheel").source().draw(0)


@pytest.fixture
def folder(tmp_path: Path, drawing: Drawing) -> Path:
    """A folder with nothing but a drawn image, which is no JPEG."""
    Image.fromarray(drawing.pixels).save(tmp_path / "captcha.png")
    return tmp_path


def test_it_holds_the_packages_and_the_pretrained_models_and_nothing_else(source: Path, wheel: Path) -> None:
    found = contents(wheel)
    metadata = {name for name in found if ".dist-info/" in name}
    expected: dict[str, bytes] = {}
    for model in ("any", "captcha"):
        expected |= files(source / "models" / model / "1", f"captcha_keras/pretrained/{model}/1")
    for name in PACKAGES:
        expected |= files(source / name, name)
    assert {name: found[name] for name in found.keys() - metadata} == expected
    assert {f"{name}/py.typed" for name in PACKAGES} < found.keys()
    assert {name.split("/", 1)[1] for name in metadata} >= {"METADATA", "entry_points.txt", "licenses/LICENSE"}


def test_the_source_distribution_builds_the_same_wheel(source: Path, wheel: Path, tmp_path: Path) -> None:
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    call(sys.executable, "-c", code, tmp_path, cwd=source)
    (sdist,) = tmp_path.iterdir()
    again = build_wheel(sdist, tmp_path / "wheel")
    assert again.name == wheel.name
    assert contents(again) == contents(wheel)


def test_what_is_imported_is_the_wheel(environment: Path, folder: Path) -> None:
    code = (
        "import captcha_keras, data_gen\nfrom captcha_keras.recognizer.pretrained import pretrained_path\n"
        "print(captcha_keras.__file__, data_gen.__file__, pretrained_path('captcha'), sep='\\n')"
    )
    places = [Path(line) for line in call(environment / "bin" / "python", "-c", code, cwd=folder).splitlines()]
    assert len(places) == 3
    assert all(place.is_relative_to(environment) for place in places), places


def test_it_reads_an_image(environment: Path, folder: Path, drawing: Drawing) -> None:
    output = call(environment / "bin" / "captcha-keras", "predict", "captcha.png", cwd=folder)
    assert output.startswith(f"captcha.png\t{drawing.text}\t")


def test_it_is_measured_on_new_images(environment: Path, folder: Path) -> None:
    output = call(environment / "bin" / "captcha-keras", "evaluate", "--fresh", 200, cwd=folder)
    (right,) = re.findall(r"^images +.*?(\d+)/200$", output, re.MULTILINE)
    assert int(right) >= 195
    assert list(folder.glob("runs/*/evaluation/evaluation.json"))


def test_the_first_example_of_the_readme_works(environment: Path, folder: Path, drawing: Drawing) -> None:
    example = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)[0]
    assert drawing.text in call(environment / "bin" / "python", "-c", example, cwd=folder)
