"""What readers answer within limits, and that a reader may do as it likes."""

from __future__ import annotations

import itertools
import stat
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw, ImageFont

from captcha_keras.audit.readers import tesseract as program
from captcha_keras.audit.readers.apart import Answers, Limits, read_apart
from captcha_keras.audit.readers.ctc import CtcReader, decode_greedily, decode_length
from captcha_keras.audit.readers.network import NetworkReader
from captcha_keras.audit.readers.reader import GROUP, OWN, known_readers, load_reader
from captcha_keras.dataset.images import fit
from captcha_keras.errors import InputError
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from tests.audit.fake_readers import place

IMAGES = [np.full((10, 20, 3), number, np.uint8) for number in range(40)]
KNOWN: list[Limits] = [("AB", (2, 3)), (None, None)]
LIMITED, FREE = ([f"{told}:{number}" for number in range(40)] for told in ("AB23", "?"))


def answers(name: str, limits: Sequence[Limits] = KNOWN, **seconds: float) -> list[Answers] | None:
    return read_apart(place(name), IMAGES, limits, **seconds)


def test_a_reader_gets_every_image_with_all_limits(capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[int] = []
    assert read_apart(place("Red"), IMAGES, KNOWN, read=seen.append) == [Answers(LIMITED), Answers(FREE)]
    assert seen == [32, 32, 40, 40]
    assert answers("Noisy") == [Answers(LIMITED), Answers(FREE)]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("Aborting", "crashed (SIGABRT)"),
        ("Leaving", "ended with exit status 7"),
        ("Short", "ValueError: it gave 31 texts for 32 images"),
        ("not_loadable", "SystemExit: no licence"),
        ("no_such_name", "AttributeError: module 'tests.audit.fake_readers' has no attribute 'no_such_name'"),
    ],
)
def test_a_reader_that_crashes_says_so_in_one_line(name: str, failure: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert answers(name) == [Answers([], failure)] * 2
    assert capfd.readouterr() == ("", "")


def test_a_failure_within_some_limits_leaves_the_others() -> None:
    assert answers("Picky") == [Answers([], "LookupError: no such"), Answers(FREE)]


def test_what_is_not_installed_is_none() -> None:
    assert answers("missing") is None


def test_a_slow_reader_counts_with_what_it_has_read() -> None:
    begin = time.monotonic()
    assert answers("Hanging", reading_seconds=1) == [Answers(LIMITED[:32]), Answers(FREE[:32])]
    assert answers("HangingAtOnce", reading_seconds=1) == [Answers([], "read nothing within 1 seconds")] * 2
    assert answers("never_loaded", loading_seconds=1) == [Answers([], "was not loaded within 1 seconds")] * 2
    assert time.monotonic() - begin < 200


def test_other_packages_add_readers_but_replace_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "other-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    lines = [f"[{GROUP}]", "other = tests.audit.fake_readers:Red", "any = tests.audit.fake_readers:Red"]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    known = {each.name: each for each in known_readers()}
    assert known["other"].value == "tests.audit.fake_readers:Red"
    assert [known[each.name] for each in OWN] == [*OWN]
    assert read_apart(known["other"], IMAGES[:1], KNOWN) == [Answers(LIMITED[:1]), Answers(FREE[:1])]


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(2, 3)), elements=st.floats(1 / 128, 1, width=32)),
    st.integers(0, 4),
    st.integers(0, 4),
)
def test_no_path_of_such_a_length_is_likelier(probabilities: np.ndarray, low: int, more: int) -> None:
    steps, columns = probabilities.shape
    likelihoods: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(columns), repeat=steps):
        text = tuple(column for column, _ in itertools.groupby(path) if column)
        likelihood = float(np.log(probabilities[range(steps), path], dtype=np.float64).sum())
        likelihoods[text] = max(likelihoods.get(text, -np.inf), likelihood)
    allowed = {text: value for text, value in likelihoods.items() if low <= len(text) <= low + more}
    found = tuple(decode_length(probabilities, (low, low + more)))
    if allowed:
        assert likelihoods[found] == pytest.approx(max(allowed.values()))
        assert found in allowed
    else:
        assert len(found) <= steps
    free = tuple(decode_greedily(probabilities))
    assert likelihoods[free] == pytest.approx(max(likelihoods.values()))


def test_a_letter_counts_in_either_case_if_the_alphabet_has_one() -> None:
    steps = np.array([[0.1, 0.1, 0.8, 0.0, 0.0], [0.1, 0.4, 0.0, 0.2, 0.3]], np.float32)
    reader = CtcReader("fixed", ["", "a", "b", "B", "é"], lambda image: steps)
    image = [IMAGES[0]]
    assert reader.read(image, None, None) == ["ba"]
    assert reader.read(image, "ABx", (2, 2)) == ["BA"]
    # Both cases are in it: each counts for itself.
    assert reader.read(image, "bBé", (2, 2)) == ["bé"]
    assert reader.read(image, "bB", (1, 1)) == ["b"]
    with pytest.raises(ValueError, match="knows no character of 'xy'"):
        reader.read(image, "xy", (2, 2))


def test_a_network_computes_once_for_all_limits() -> None:
    seen = []

    def outputs(images: np.ndarray) -> dict[str, np.ndarray]:
        seen.append(images)
        # The first class is the likeliest, then the second and so on; the last is "no character".
        return {f"char_{k}": np.tile(np.float32([0.4, 0.3, 0.2, 0.1]), (len(images), 1)) for k in range(3)}

    reader = NetworkReader("mine", Recognizer(outputs, CaptchaSpec("xab", 1, 3, 40, 40)))
    images = [np.arange(40 * 20 * 3, dtype=np.uint8).reshape(20, 40, 3), IMAGES[1]]
    assert reader.read(images, "ab", (2, 2)) == ["aa", "aa"]
    assert reader.read(images, "b", (1, 1)) == ["b", "b"]
    assert reader.read(images, "é?a", (1, 1)) == ["a", "a"]
    assert reader.read(images, None, None) == ["xxx", "xxx"]
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], np.stack([fit(image, 40, 40) for image in images]))
    reader.read(images[:1], None, None)
    assert len(seen) == 2
    with pytest.raises(InputError, match="cannot be limited"):
        reader.read(images, "é", (1, 1))
    with pytest.raises(InputError, match="of 1-3 characters, not of 4"):
        reader.read(images, "a", (4, 4))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        # As version 5 does, and as version 4 does.
        ("printf 'a b\\n\\f\\fB\\n'", ["ab", "", "B"]),
        ("printf 'a b\\n\\f\\fB\\n\\f'", ["ab", "", "B"]),
        ("printf 'a\\f'", "gave 2 texts for 3 images"),
        ("echo broken >&2; echo data missing >&2; exit 3", "ended with 3: data missing"),
    ],
)
def test_the_words_of_tesseract(tmp_path: Path, script: str, expected: list[str] | str) -> None:
    path = tmp_path / "tesseract"
    path.write_text(f'#!/bin/sh\nwc -l < "$1" > {tmp_path}/count\necho "$@" > {tmp_path}/words\n{script}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    reader = program.Tesseract(str(path))
    if isinstance(expected, str):
        with pytest.raises(RuntimeError, match=expected):
            reader.read(IMAGES[:3], None, None)
        return
    assert reader.read(IMAGES[:3], None, None) == expected
    assert "whitelist" not in (tmp_path / "words").read_text()
    assert int((tmp_path / "count").read_text()) == 3
    assert reader.read(IMAGES[:3], "Ab", (1, 2)) == ["Ab", "", "b"]
    assert "tessedit_char_whitelist=AbaB" in (tmp_path / "words").read_text()


def line_of_text(text: str) -> np.ndarray:
    image = Image.new("RGB", (170, 60), "white")
    ImageDraw.Draw(image).text((20, 8), text, "black", ImageFont.load_default(36))
    return np.asarray(image)


@pytest.mark.parametrize("name", ["any", "rapidocr", "ddddocr", "tesseract"])
def test_the_readers_that_are_installed_read_a_plain_line(name: str) -> None:
    reader = load_reader(next(each for each in OWN if each.name == name))
    if reader is None:
        pytest.skip(f"{name} is not installed")
    assert reader.name == name
    texts = ["HKMW", "3479", "ENTR"]
    read = reader.read([line_of_text(text) for text in texts], "3479EHKMNRTW", (4, 4))
    assert sum(map(str.__eq__, read, texts)) >= 2, read
