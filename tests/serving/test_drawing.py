from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from captcha_keras.serving.drawing import source_for
from captcha_keras.serving.errors import RequestError
from data_gen import Series, Settings, Style


def model_of(folder: Path, description: object) -> SimpleNamespace:
    (folder / "assets").mkdir()
    record = {"settings": {}, "spec": {}, "dataset": {"description": description}}
    (folder / "assets" / "config.json").write_text(json.dumps(record))
    return SimpleNamespace(path=folder)


def test_images_are_drawn_as_those_of_training_were(tmp_path: Path) -> None:
    trained_on = Series(seed=3, image_format="png", style=Style(noise_dots=2))
    source = source_for(model_of(tmp_path, Settings(trained_on).description()))
    assert (source.series.image_format, source.series.style) == ("png", trained_on.style)
    assert source.series.seed != 3


def test_a_model_of_images_from_elsewhere_has_none_drawn(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        source_for(model_of(tmp_path, None))
    assert "This server cannot draw images for its model. These images were not drawn" in str(caught.value)
