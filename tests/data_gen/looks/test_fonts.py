from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from captcha.image import DEFAULT_FONTS
from PIL import Image, ImageFont

from data_gen.looks import fonts
from data_gen.looks.fonts import Face, check_font, families_of, font_of, installed_fonts
from data_gen.style import StyleError

ROOT = Path(__file__).parents[3]


def test_an_ordinary_installation_has_fonts_of_nine_families() -> None:
    bundled = [path for path in installed_fonts() if "fontpkg" not in path]
    assert len(bundled) == 22
    assert len(families_of(bundled)) >= 9
    assert installed_fonts() == tuple(sorted(installed_fonts(), key=lambda path: Path(path).name))


def test_the_extra_names_the_packages_that_are_looked_for() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["fonts"]
    assert tuple(requirement.split("==")[0] for requirement in extra) == fonts.PACKAGES


@pytest.mark.parametrize("path", installed_fonts(), ids=lambda path: Path(path).name)
def test_every_font_has_all_characters_and_tells_the_cases_apart(path: str) -> None:
    check_font(path)
    font = ImageFont.truetype(path, 48)
    for letter in "abdeghnqrt":
        small, large = (_stretched(font, character) for character in (letter, letter.upper()))
        overlap = np.minimum(small, large).sum() / np.maximum(small, large).sum()
        assert overlap < 0.93, f"{letter} looks like {letter.upper()}"


def _stretched(font: ImageFont.FreeTypeFont, character: str) -> np.ndarray:
    mask = font.getmask(character)
    image = Image.frombytes("L", mask.size, bytes(mask))
    return np.asarray(image.crop(image.getbbox()).resize((32, 32)), float)


def test_a_package_adds_its_fonts_but_for_the_thinnest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tmp_path / "fontpkg_arvo" / "files"
    files.mkdir(parents=True)
    (files.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    for name in ("Zz-Regular.ttf", "Zz-Thin.ttf"):
        (files / name).write_bytes(Path(DEFAULT_FONTS[0]).read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [path for path in installed_fonts() if str(tmp_path) in path] == [str(files / "Zz-Regular.ttf")]


def test_finding_fonts_imports_no_package_that_holds_them() -> None:
    code = (
        "import sys\nfrom data_gen.looks.fonts import *\nfamilies_of(installed_fonts())\n"
        "print([name for name in sys.modules if name.startswith(('matplotlib', 'fontpkg'))])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"


def test_a_font_without_letters_is_refused(tmp_path: Path) -> None:
    (text,) = (path for path in installed_fonts() if path.endswith("DejaVuSans.ttf"))
    symbols = text.replace("DejaVuSans", "STIXSizOneSymReg")
    with pytest.raises(StyleError, match=r"STIXSizOneSymReg.ttf has no 0, 1, .*; random looks need fonts with 0-9"):
        check_font(symbols)
    (tmp_path / "page.ttf").write_text("<!doctype html>")
    for check in (check_font, lambda path: families_of([path])):
        with pytest.raises(StyleError, match=r"page.ttf is no readable TrueType font"):
            check(str(tmp_path / "page.ttf"))


def test_a_variable_font_has_several_weights_and_they_differ() -> None:
    variable = [path for path in installed_fonts() if re.search(r"\[.*wght\]", path)]
    if not variable:
        pytest.skip("the extra fonts is not installed")
    (faces,) = families_of(variable[:1])
    assert len(faces) > 1
    ink = [sum(font_of(face, 40).getmask("H")) for face in faces]
    assert ink == sorted(ink)
    assert ink[0] < ink[-1]


def test_a_plain_font_has_one_weight() -> None:
    assert families_of(DEFAULT_FONTS) == ((Face(DEFAULT_FONTS[0]),),)
