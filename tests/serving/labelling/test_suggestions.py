"""Images are read in the background."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np

from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.serving.labelling.limits import Limits
from captcha_keras.serving.labelling.suggestions import Source, Suggestions
from tests.lively import SPEC


def test_suggestions_are_what_the_network_reads_within_the_limits(folder: Path, lively: Source) -> None:
    files = sorted(folder.iterdir())
    suggestions = Suggestions(lively, Limits("0XYZ", (3, 7)))
    suggestions.want(files)
    suggestions.wait(60)
    found = [suggestions.get(file) for file in files]
    expected = lively.recognizer.read(files, alphabet="0X", length=3)
    assert [each.prediction.text for each in found if each] == [each.text for each in expected]
    assert all(each and each.source is lively for each in found)
    suggestions.close()


def test_what_is_wanted_first_is_read_first_and_nothing_waits_for_it(folder: Path, lively: Source) -> None:
    going, order = threading.Event(), []

    def slow(images: np.ndarray) -> dict[str, np.ndarray]:
        going.wait(60)
        order.append(len(images))
        return lively.recognizer._outputs(images)  # type: ignore[return-value]

    files = sorted(folder.iterdir())
    suggestions = Suggestions(replace(lively, recognizer=Recognizer(slow, SPEC)), Limits())
    suggestions.want(files[:1])
    assert suggestions.get(files[0]) is None
    while suggestions._batch() != files[:1]:
        pass
    suggestions.want(files[5:])  # while the network is at work
    going.set()
    suggestions.wait(60)
    assert suggestions.get(files[5])
    assert suggestions.get(files[2]) is None
    suggestions.close()


def test_a_file_that_is_no_image_leaves_the_others_alone(folder: Path, lively: Source) -> None:
    broken, good = folder / "a.png", folder / "0.jpg"
    broken.write_bytes(b"x")
    suggestions = Suggestions(lively, Limits())
    suggestions.want([broken, folder / "none.png", good])
    suggestions.wait(60)
    assert suggestions.get(broken) is None
    assert suggestions.get(good)
    assert suggestions.problem == ""
    suggestions.close()


def test_a_network_that_cannot_keep_the_limits_says_so_and_another_one_goes_on(folder: Path, lively: Source) -> None:
    def fail(images: np.ndarray) -> dict[str, np.ndarray]:
        raise RuntimeError("out of memory")

    file = folder / "0.jpg"
    suggestions = Suggestions(lively, Limits(length=(7, 7)))
    suggestions.want([file])
    suggestions.wait(60)
    assert suggestions.problem == "The model reads texts of 1-3 characters, not of 7."
    broken = Source(Recognizer(fail, replace(SPEC, max_length=7)), "broken", Path())
    suggestions.use(broken)
    suggestions.wait(60)
    assert suggestions.problem == "broken reads nothing: out of memory"
    assert suggestions.get(file) is None
    suggestions.close()
