from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from captcha_keras.errors import CommandError, InputError
from captcha_keras.serving.errors import Code, RequestError
from captcha_keras.serving.models.model import ServedModel
from captcha_keras.serving.models.model_config import ModelConfig, VersionPolicy
from captcha_keras.serving.models.repository import ModelRepository
from captcha_keras.serving.models.versions import Retries, VersionStatus
from tests.serving.test_versions import Loaded, add

LABELS = {"stable": 1, "canary": 2, "gone": 7}


def repository(*models: ModelConfig) -> ModelRepository:
    return ModelRepository(models, cast(Any, Loaded))


def test_a_damaged_model_and_a_folder_that_is_gone_end_nothing(tmp_path: Path, version: Path) -> None:
    shutil.copytree(version, tmp_path / "m" / "1")
    models = ModelRepository([ModelConfig("captcha", tmp_path / "m")], retries=Retries(most=0))
    models.poll()
    shutil.copytree(version, tmp_path / "m" / "2")
    (tmp_path / "m" / "2" / "saved_model.pb").write_bytes(b"damaged")
    assert not models.poll()
    shutil.copytree(version, tmp_path / "m" / "3")
    (tmp_path / "m" / "3" / "assets" / "spec.json").unlink()
    assert not models.poll()
    found = models.status("captcha")
    assert [status.state for status in found] == ["END", "END", "AVAILABLE"]
    assert "cannot be loaded" in found[1].error
    assert "is no exported model" in found[0].error
    shutil.rmtree(tmp_path / "m")
    assert not models.poll()
    assert isinstance(models.current, ServedModel)


def test_requests_are_answered_in_tf_servings_words(tmp_path: Path) -> None:
    models = repository(ModelConfig("captcha", tmp_path, VersionPolicy(None), LABELS))

    def refusal(*arguments: Any) -> tuple[Code, str]:
        with pytest.raises(RequestError) as caught:
            models.find(*arguments)
        return caught.value.code, str(caught.value)

    assert refusal("captcha") == (Code.NOT_FOUND, "Servable not found for request: Latest(captcha)")
    with pytest.raises(RequestError, match=r"^Could not find any versions of model captcha$"):
        models.status("captcha")
    with pytest.raises(RequestError, match=r"Latest\(captcha\)"):
        _ = models.current
    add(tmp_path, "1", "2")
    models.poll()
    assert models.find("captcha").version == models.current.version == 2
    assert models.find("captcha", 1).version == models.find("captcha", label="stable").version == 1
    assert models.find("captcha", label="canary").version == 2
    assert refusal("captcha", 3) == (Code.NOT_FOUND, "Servable not found for request: Specific(captcha, 3)")
    # A label may name a version that is not served.
    assert refusal("captcha", None, "gone") == (
        Code.NOT_FOUND,
        "Servable not found for request: Specific(captcha, 7)",
    )
    assert refusal("other") == (Code.NOT_FOUND, "Servable not found for request: Latest(other)")
    unknown = (Code.INVALID_ARGUMENT, "Unrecognized servable version label: none")
    assert refusal("captcha", None, "none") == refusal("other", None, "none") == unknown
    assert refusal("") == (Code.INVALID_ARGUMENT, "ModelSpec has no name specified.")
    assert models.status("captcha", 1) == [VersionStatus(1, "AVAILABLE")]
    with pytest.raises(RequestError, match=r"^Unrecognized servable version label: none$"):
        models.find("captcha", label="none")
    with pytest.raises(RequestError, match=r"^Could not find version 7 of model captcha$"):
        models.status("captcha", 7)
    with pytest.raises(RequestError, match=r"^Could not find any versions of model other$"):
        models.status("other")


def test_several_models_are_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    add(tmp_path / "a", "1")
    models = repository(
        ModelConfig("a", tmp_path / "a", labels={"x": 1}), ModelConfig("b", tmp_path / "b", labels={"x": 5})
    )
    assert models.poll()
    assert not models.serving
    with pytest.raises(InputError, match=r"b holds no exported model; write one with captcha-keras export --to .*b\.$"):
        models.check_serving()
    add(tmp_path / "b", "5", "6")
    assert models.poll()
    assert models.serving
    models.check_serving()
    assert models.versions_in_service() == {"a": 1, "b": 6}
    assert models.current is models.find("a") is models.find("a", label="x")
    assert models.find("b").version == 6
    with pytest.raises(RequestError, match=r"Specific\(b, 5\)"):
        models.find("b", label="x")


def test_a_start_that_cannot_be_tells_why(tmp_path: Path) -> None:
    add(tmp_path, "2", bad=True)
    models = repository(ModelConfig("captcha", tmp_path))
    models.poll()
    with pytest.raises(CommandError, match=r"^2 is bad$"):
        models.check_serving()
    models = repository(ModelConfig("captcha", tmp_path, VersionPolicy(None, frozenset({7}))))
    models.poll()
    with pytest.raises(InputError, match=r"holds none of the versions of 'captcha' that are to be served\.$"):
        models.check_serving()
