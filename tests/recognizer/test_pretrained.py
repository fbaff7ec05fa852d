from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from captcha_keras.errors import InputError
from captcha_keras.recognizer import pretrained
from captcha_keras.recognizer.pretrained import list_pretrained, pretrained_path, versions

ROOT = Path(__file__).parents[2]


def write_model(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").touch()


def test_a_checkout_has_its_own_models() -> None:
    assert list_pretrained() == ["any", "captcha"]
    path = pretrained_path("captcha")
    assert path == ROOT / "models" / "captcha"
    assert versions(path) == {1: path / "1"}


def test_an_installed_package_has_those_that_were_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "PACKAGE", tmp_path / "site" / "captcha_keras")
    assert list_pretrained() == []
    with pytest.raises(InputError, match=r"^There is no pretrained model 'captcha'; there is none\.$"):
        pretrained_path("captcha")
    write_model(tmp_path / "site" / "models" / "strange" / "1")
    assert list_pretrained() == ["strange"]
    packed = tmp_path / "site" / "captcha_keras" / "pretrained"
    write_model(packed / "two" / "2")
    write_model(packed / "one" / "1")
    assert list_pretrained() == ["one", "two"]
    assert pretrained_path("two") == packed / "two"


def test_only_complete_versions_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "PACKAGE", tmp_path / "captcha_keras")
    models = tmp_path / "models"
    write_model(models / "captcha" / "10")
    write_model(models / "captcha" / "next")
    write_model(models / "named" / "v1")
    write_model(models / "other-digits" / "²")
    (models / "half" / "1").mkdir(parents=True)
    (models / "README.md").touch()
    assert list_pretrained() == ["captcha"]
    assert list(versions(models / "captcha")) == [10]


@pytest.mark.parametrize("name", ["", "digits", "captcha/1", "../models/captcha", "."])
def test_an_unknown_name_is_told_what_there_is(name: str) -> None:
    with pytest.raises(InputError) as caught:
        pretrained_path(name)
    assert str(caught.value) == f"There is no pretrained model {name!r}; there is any, captcha."


def test_looking_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom captcha_keras.recognizer.pretrained import pretrained_path\npretrained_path('captcha')\n"
        "print([name for name in ('tensorflow', 'keras', 'pandas', 'matplotlib') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"
