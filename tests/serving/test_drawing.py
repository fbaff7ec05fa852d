from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from captcha_keras.serving.errors import RequestError
from captcha_keras.serving.http.drawing import ImageDrawer
from captcha_keras.spec import CaptchaSpec
from data_gen import Series, Settings


def model_of(folder: Path, description: object) -> SimpleNamespace:
    (folder / "assets").mkdir()
    record = {"settings": {}, "spec": {}, "dataset": {"description": description}}
    (folder / "assets" / "config.json").write_text(json.dumps(record))
    return SimpleNamespace(path=folder)


def test_images_are_drawn_like_those_of_training(tmp_path: Path) -> None:
    trained_on = Settings(Series(CaptchaSpec("XY", 3, 3), image_format="png"))
    drawn = asyncio.run(ImageDrawer().draw(model_of(tmp_path, trained_on.description())))
    assert drawn.media_type == "image/png"
    assert drawn.content.startswith(b"\x89PNG")
    assert len(drawn.text) == 3
    assert set(drawn.text) <= {"X", "Y"}


def test_none_are_drawn_for_a_model_of_images_from_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        asyncio.run(ImageDrawer().draw(model_of(tmp_path, None)))
    assert "This server cannot draw images for its model. These images were not drawn" in str(caught.value)
