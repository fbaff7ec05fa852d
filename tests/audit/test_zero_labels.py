"""The points without one label, and where they are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.page import page, table
from captcha_keras.audit.plan import Trial
from captcha_keras.audit.readers.reader import OWN
from captcha_keras.audit.runner import audit
from captcha_keras.audit.subject import Drawn
from captcha_keras.audit.trial import Result
from captcha_keras.audit.zero_labels import ZeroLabelPoint, zero_label_points
from captcha_keras.evaluation.rates import Rate
from captcha_keras.spec import CaptchaSpec
from tests.audit.fake_readers import place
from tests.audit.results import made_up

SUBJECT = Drawn(CaptchaSpec("0OXY", 2, 2, 64, 40))
BUDGET = Budget((250,), 1, 3200, validation=50, test=60)
# Every text of the first 60 test images that is "0O".
RIGHT = SUBJECT.spec.decode_all(SUBJECT.tested(60, BUDGET).labels).count("0O")


def points(folder: Path, *names: str, seconds: float = 60) -> tuple[ZeroLabelPoint, ...]:
    return zero_label_points(SUBJECT, BUDGET, folder, [place(name) for name in names], reading_seconds=seconds)


def test_each_reader_has_a_point_with_and_without_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> Callable[[int], None]:
        shown.append((done, total))
        return lambda now: shown.append((now, total))

    readers = [place(name) for name in ("Aborting", "missing", "First")]
    found = zero_label_points(SUBJECT, BUDGET, tmp_path, readers, progress=progress)
    assert RIGHT > 0
    failure = "crashed (SIGABRT)"
    assert found == (
        ZeroLabelPoint("First", True, RIGHT, 60),
        ZeroLabelPoint("First", False, RIGHT, 60),
        ZeroLabelPoint("Aborting", True, 0, 0, failure),
        ZeroLabelPoint("Aborting", False, 0, 0, failure),
    )
    assert (found[0].read, found[2].read, found[0].labels) == (Rate.count(RIGHT, 60), None, 0)
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)
    assert (shown[0], shown[-1]) == ((0, 180), (180, 180))


def test_a_reader_reads_once_unless_it_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = points(tmp_path, "First", "Aborting")
    assert points(tmp_path, "First", "Aborting") == first
    assert Path("loaded.txt").read_text().splitlines() == ["loaded"]
    # One that failed is asked again, and one that was installed since is added.
    (tmp_path / "zero_labels.json").write_text((tmp_path / "zero_labels.json").read_text().replace("Aborting", "Red"))
    assert [(point.reader, point.failure) for point in points(tmp_path, "First", "Red")] == [
        ("First", None),
        ("First", None),
        ("Red", None),
        ("Red", None),
    ]


def test_a_slow_reader_has_fewer_images(tmp_path: Path) -> None:
    found = points(tmp_path, "HangingAtOnce", seconds=1)
    assert {point.failure for point in found} == {"read nothing within 1 seconds"}


def test_models_any_reads_the_default_look(tmp_path: Path) -> None:
    found = zero_label_points(Drawn(), Budget((250,), 1, 3200, test=64), tmp_path, OWN[:1])
    assert [(point.reader, point.total, point.failure) for point in found] == [("any", 64, None)] * 2
    assert {point.limited for point in found} == {True, False}
    limited = next(point for point in found if point.limited)
    assert limited.right > 64 // 4


def test_the_first_rows_of_an_audit(tmp_path: Path) -> None:
    def engine(trials: Sequence[Trial], seen: Callable[[int], None]) -> Iterator[tuple[Trial, Result]]:
        for trial in trials:
            yield trial, made_up(trial, 0.5)

    asked: list[Path] = []
    rows = (ZeroLabelPoint("<b>", True, 30, 40), ZeroLabelPoint("broken", False, 0, 0, "crashed & burned"))

    def zero_labels(folder: Path) -> Sequence[ZeroLabelPoint]:
        asked.append(folder)
        return rows

    found = audit(
        SUBJECT,
        BUDGET,
        tmp_path / "audit",
        engine=engine,
        settings={},
        progress=lambda done, total: lambda now: None,
        zero_labels=zero_labels,
    )
    assert asked == [tmp_path / "audit"]
    assert [line.split() for line in table(found).splitlines()[1:3]] == [
        ["0", "75.0", "%", "59.8", "%", "–", "85.8", "%", "<b>,", "alphabet", "and", "length", "known"],
        ["0", "failed", "broken,", "nothing", "known:", "crashed", "&", "burned"],
    ]
    html = page(found, "", [], SUBJECT.pictures(len(found.examples), BUDGET), {})
    row = "<td>&lt;b&gt;</td><td>alphabet and length known</td><td>75.0 %</td><td>59.8 % – 85.8 %</td><td>40</td>"
    assert row in html
    assert "failed: crashed &amp; burned" in html
    assert html.index("Without one label") < html.index("How many labelled images it takes")
    written = json.loads(json.dumps(found.to_json()))["zero_labels"]
    assert [ZeroLabelPoint(**each) for each in written] == [*rows]
