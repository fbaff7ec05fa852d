from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from captcha_keras.errors import CommandError
from captcha_keras.serving.errors import Code, RequestError
from captcha_keras.serving.model import ServedModel
from captcha_keras.serving.repository import ModelRepository, VersionStatus


class Loaded:
    def __init__(self, path: Path) -> None:
        self.version = int(path.name)
        if (path / "bad").exists():
            raise CommandError(f"{path.name} is bad")


def repository(path: Path) -> ModelRepository:
    return ModelRepository(path, "captcha", cast(Any, Loaded))


def add(path: Path, name: str, *, bad: bool = False) -> None:
    (path / name).mkdir()
    (path / name / "saved_model.pb").touch()
    if bad:
        (path / name / "bad").touch()


def test_the_latest_version_is_served_and_a_later_one_takes_over(tmp_path: Path) -> None:
    add(tmp_path, "2")
    add(tmp_path, "10")
    models = repository(tmp_path)
    assert not models.serving
    assert models.poll()
    assert models.current.version == 10
    assert not models.poll()
    add(tmp_path, "3")
    assert not models.poll()
    add(tmp_path, "00011")
    old = models.current
    assert models.poll()
    assert models.current.version == 11
    assert old.version == 10
    assert models.status("captcha", None) == [VersionStatus(11, "AVAILABLE"), VersionStatus(10, "END")]
    assert models.status("captcha", 10) == [VersionStatus(10, "END")]


def test_what_is_not_a_complete_version_is_not_seen(tmp_path: Path) -> None:
    add(tmp_path, "1")
    for name in (".tmp-7", "x", "-3", "٣"):
        add(tmp_path, name)
    (tmp_path / "9").mkdir()
    (tmp_path / "8").touch()
    models = repository(tmp_path)
    assert models.poll()
    assert models.current.version == 1
    assert [status.version for status in models.states] == [1]


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_in_service(tmp_path: Path) -> None:
    add(tmp_path, "1")
    models = repository(tmp_path)
    models.poll()
    add(tmp_path, "2", bad=True)
    assert not models.poll()
    assert models.current.version == 1
    assert models.states == [VersionStatus(2, "END", "2 is bad"), VersionStatus(1, "AVAILABLE")]
    add(tmp_path, "3")
    assert models.poll()
    assert models.current.version == 3


def test_a_damaged_model_and_a_folder_that_is_gone_end_nothing(tmp_path: Path, version: Path) -> None:
    shutil.copytree(version, tmp_path / "m" / "1")
    models = ModelRepository(tmp_path / "m", "captcha")
    models.poll()
    shutil.copytree(version, tmp_path / "m" / "2")
    (tmp_path / "m" / "2" / "saved_model.pb").write_bytes(b"damaged")
    shutil.copytree(version, tmp_path / "m" / "3")
    (tmp_path / "m" / "3" / "assets" / "spec.json").unlink()
    assert not models.poll()
    assert [status.state for status in models.states] == ["END", "END", "AVAILABLE"]
    assert "cannot be loaded" in models.states[1].error
    assert "is no exported model" in models.states[0].error
    shutil.rmtree(tmp_path / "m")
    assert not models.poll()
    assert isinstance(models.current, ServedModel)


def test_requests_for_others_are_refused_in_tf_servings_words(tmp_path: Path) -> None:
    models = repository(tmp_path)

    def refusal(*arguments: Any) -> tuple[Code, str]:
        with pytest.raises(RequestError) as caught:
            models.find(*arguments)
        return caught.value.code, str(caught.value)

    assert refusal("captcha") == (Code.NOT_FOUND, "Servable not found for request: Latest(captcha)")
    with pytest.raises(RequestError, match=r"^Could not find any versions of model captcha$"):
        models.status("captcha", None)
    with pytest.raises(RequestError, match=r"Latest\(captcha\)"):
        _ = models.current
    add(tmp_path, "1")
    models.poll()
    assert models.find("captcha").version == models.find("captcha", 1).version == 1
    assert refusal("captcha", 2) == (Code.NOT_FOUND, "Servable not found for request: Specific(captcha, 2)")
    assert refusal("other") == (Code.NOT_FOUND, "Servable not found for request: Latest(other)")
    assert refusal("captcha", None, "stable") == (
        Code.INVALID_ARGUMENT,
        "Unrecognized servable version label: stable",
    )
    with pytest.raises(RequestError, match=r"^Could not find version 2 of model captcha$"):
        models.status("captcha", 2)
    with pytest.raises(RequestError, match=r"^Could not find any versions of model other$"):
        models.status("other", None)
