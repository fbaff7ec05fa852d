"""The looks that schedules for few labels are measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.few_labels import frozen_look, parse_settings, table, write_folder
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.training.config import TrainConfig


@pytest.mark.parametrize("number", range(12))
def test_a_frozen_look_draws_other_texts_of_the_same_kind(number: int, tmp_path: Path) -> None:
    look = frozen_look(number)
    assert frozen_look(number) == look
    drawn = [look.image(index) for index in range(6)]
    for text, image in drawn:
        assert len(text) == len(look.look.text)
        assert set(text) <= set(look.alphabet)
        assert image.mode == "RGB"
    assert len({text for text, _ in drawn}) == 6
    again = look.image(3)
    assert (again[0], again[1].tobytes()) == (drawn[3][0], drawn[3][1].tobytes())
    write_folder(look, 6, tmp_path / "look")
    dataset = open_dataset(tmp_path / "look")
    assert dataset.texts == [text for text, _ in drawn]
    np.testing.assert_array_equal(dataset.records[5].read(), np.asarray(drawn[5][1]))


def test_looks_differ_and_none_is_the_library_s() -> None:
    looks = [frozen_look(number) for number in range(40)]
    assert not any(each.look.library for each in looks)
    # Of the 22 fonts that come with every installation, or of more.
    assert len({each.look.faces[0] for each in looks}) > 10
    assert len({each.alphabet for each in looks}) >= 5
    assert {each.colors_anew for each in looks} == {True, False}


def test_settings_are_those_of_a_training() -> None:
    words = "epochs=7 learning_rate=0.001 augmentation=None size=(200,64)"
    found = TrainConfig(**parse_settings(words))
    assert (found.epochs, found.learning_rate, found.augmentation, found.size) == (7, 0.001, None, (200, 64))
    assert parse_settings("") == {}


def test_the_table_has_a_row_for_each_way_and_the_mean_of_its_looks() -> None:
    rows = [
        {"look": 0, "labels": 100, "start": "model", "settings": "", "fraction": 0.5},
        {"look": 3, "labels": 100, "start": "model", "settings": "", "fraction": 1.0},
        {"look": 3, "labels": 30, "start": "random", "settings": "epochs=1", "fraction": 0.25},
    ]
    head, *lines = table(rows).splitlines()
    assert head.split() == ["labels", "weights", "look", "0", "look", "3", "mean", "settings"]
    assert [line.split() for line in lines] == [
        ["30", "random", "25.0%", "25.0%", "epochs=1"],
        ["100", "model", "50.0%", "100.0%", "75.0%", "default"],
    ]
