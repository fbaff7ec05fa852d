"""The order of trials, resume, and what is left out, with an engine that makes results up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.findings import Findings
from captcha_keras.audit.findings import findings as compute
from captcha_keras.audit.plan import Trial, trials
from captcha_keras.audit.readings import Reading
from captcha_keras.audit.runner import audit
from captcha_keras.audit.subject import Drawn
from captcha_keras.audit.trial import Result
from captcha_keras.audit.zero_labels import ZeroLabelPoint
from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from tests.audit.results import made_up

SUBJECT = Drawn(CaptchaSpec("0OXY", 2, 2, 64, 40))
BUDGET = Budget((250, 1000, 4000), 2, 3200, validation=50, test=400, sweep=1000)


class Engine:
    """Results by the number of samples; may be interrupted after some trials."""

    def __init__(self, fractions: dict[int, float], stop_after: int | None = None) -> None:
        self.fractions, self.stop_after = fractions, stop_after
        self.ran: list[str] = []

    def __call__(self, trials: Sequence[Trial], seen: Callable[[int], None]) -> Iterator[tuple[Trial, Result]]:
        for trial in trials:
            if len(self.ran) == self.stop_after:
                raise KeyboardInterrupt
            self.ran.append(trial.name)
            seen(trial.budget.images // 2)
            yield trial, made_up(trial, self.fractions[trial.samples])


def run(folder: Path, engine: Engine, **settings: Any) -> tuple[Findings, list[tuple[int, int]]]:
    shown: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> Callable[[int], None]:
        shown.append((done, total))
        return lambda now: shown.append((now, total))

    given = {"seed": 0, "sizes": (1, 2), **settings}
    return audit(SUBJECT, BUDGET, folder, engine=engine, settings=given, progress=progress), shown


FRACTIONS = {250: 0.02, 1000: 0.3, 4000: 0.8}


def test_every_trial_runs_once_and_the_findings_follow(tmp_path: Path) -> None:
    engine = Engine(FRACTIONS)
    findings, shown = run(tmp_path / "audit", engine)
    assert engine.ran[:6] == [f"as-it-is-{size}-{number}" for size in BUDGET.samples for number in (0, 1)]
    assert all(name.endswith("-1000-0") for name in engine.ran[6:])
    assert len(engine.ran) == len(set(engine.ran)) == findings.trainings
    assert [point.samples for point in findings.points] == [250, 1000, 4000]
    assert [point.read.value for point in findings.points] == pytest.approx([0.02, 0.3, 0.8], abs=0.06)
    assert findings.details_at == 4000
    assert findings.sweep is not None
    assert {change.effect for change in findings.sweep.changes} == {"none"}
    assert findings.attempts[3] == pytest.approx(1 - (1 - findings.points[-1].read.value) ** 3)
    assert findings.verdict.level == "broken"
    counts = [done for done, _ in shown]
    assert counts == sorted(counts)
    assert shown[-1][0] == shown[-1][1] == 3200 * len(engine.ran)
    # Interpolated between 1,000 and 4,000.
    half = findings.crossings[2]
    assert half.fraction == 0.5
    assert half.samples is not None
    assert 1000 < half.samples < 4000


def test_an_interrupted_audit_goes_on(tmp_path: Path) -> None:
    first = Engine(FRACTIONS, stop_after=3)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "audit", first)
    assert len(list((tmp_path / "audit" / "trials").iterdir())) == 3
    second = Engine(FRACTIONS)
    findings, shown = run(tmp_path / "audit", second)
    assert not set(first.ran) & set(second.ran)
    assert shown[0] == (3 * 3200, findings.trainings * 3200)
    whole, _ = run(tmp_path / "whole", Engine(FRACTIONS))
    assert whole.to_json() == findings.to_json()
    third = Engine({})
    assert run(tmp_path / "audit", third)[0].to_json() == findings.to_json()
    assert third.ran == []


def test_trials_that_cannot_change_the_verdict_are_left_out(tmp_path: Path) -> None:
    engine = Engine({250: 0.9, 1000: 1.0, 4000: 0.0})
    findings, shown = run(tmp_path / "audit", engine)
    assert not any("4000" in name for name in engine.ran)
    assert findings.details_at == 1000
    assert shown[-1][0] == shown[-1][1]


def test_a_sweep_has_something_to_be_compared_with(tmp_path: Path) -> None:
    # All is read at 250 already, so that 1,000 is not needed but for the sweep.
    engine = Engine({250: 1.0, 1000: 1.0, 4000: 0.0})
    findings, _ = run(tmp_path / "audit", engine)
    assert findings.sweep is not None
    assert findings.sweep.unchanged.values == (1.0, 1.0)
    assert not any("4000" in name for name in engine.ran)


def test_another_audit_is_not_mixed_in(tmp_path: Path) -> None:
    run(tmp_path / "audit", Engine(FRACTIONS))
    with pytest.raises(InputError, match=r"holds an audit with another seed \(0, not 1\); choose another --to"):
        run(tmp_path / "audit", Engine(FRACTIONS), seed=1)
    run(tmp_path / "other", Engine(FRACTIONS), packages={"keras": "3.15"}, device={"kind": "cpu"})
    with pytest.raises(InputError, match=r"another packages.keras \(3.15, not 3.16\)"):
        run(tmp_path / "other", Engine(FRACTIONS), packages={"keras": "3.16"}, device={"kind": "cpu"})
    with pytest.raises(InputError, match=r"another device.kind \(cpu, not gpu\)"):
        run(tmp_path / "other", Engine(FRACTIONS), packages={"keras": "3.15"}, device={"kind": "gpu"})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty and holds no audit"):
        run(tmp_path / "full", Engine(FRACTIONS))
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]


def test_what_others_read_comes_first(tmp_path: Path) -> None:
    shown: list[int] = []
    points = [ZeroLabelPoint("OCR", True, 190, 400), ZeroLabelPoint("broken", True, 0, 0, "crashed")]
    found = audit(
        SUBJECT,
        BUDGET,
        tmp_path / "audit",
        engine=Engine(dict.fromkeys(FRACTIONS, 0.0)),
        settings={},
        progress=lambda done, total: shown.append,
        zero_labels=lambda folder: points,
    )
    assert found.readings[0] == Reading("OCR (alphabet and length known)", 0, 190, 400)
    assert len(found.readings) == 1 + 6
    assert found.verdict.level == "broken"
    assert found.verdict.sentence.startswith(
        "Broken: OCR (alphabet and length known), without one label, reads at least "
    )


def test_details_and_attempts_are_of_the_size_that_reads_most(tmp_path: Path) -> None:
    findings, _ = run(tmp_path / "audit", Engine({250: 0.1, 1000: 0.6, 4000: 0.3}))
    assert findings.details_at == 1000
    assert findings.attempts[1] == pytest.approx(findings.points[1].read.value)
    assert f"{100 * findings.attempts[3]:.1f} %" in " ".join(findings.verdict.reasons)


def test_trainings_stopped_by_the_cap_are_counted(tmp_path: Path) -> None:
    findings, _ = run(tmp_path / "audit", Engine(FRACTIONS))
    assert [point.capped for point in findings.points] == [0, 0, 0]
    cut = [made_up(trial, 0.5) for trial in trials(SUBJECT, BUDGET, 250)]
    cut[0] = replace(cut[0], converged=False)
    assert [point.capped for point in compute(SUBJECT, BUDGET, cut).points] == [1]


def test_findings_are_json(tmp_path: Path) -> None:
    findings, _ = run(tmp_path / "audit", Engine(FRACTIONS))
    again = json.loads(json.dumps(findings.to_json(), allow_nan=False))
    assert again["verdict"]["level"] == "broken"
    assert [point["samples"] for point in again["points"]] == [250, 1000, 4000]


def test_a_network_that_reads_nothing(tmp_path: Path) -> None:
    findings, _ = run(tmp_path / "audit", Engine(dict.fromkeys(FRACTIONS, 0.0)))
    assert findings.sure.precision is None
    assert findings.sure.answered.right == 0
    # 800 images without a hit do not show that fewer than 1 % are read, nor that more are.
    assert findings.verdict.level in ("holds", "undecided")
    assert all(crossing.samples is None for crossing in findings.crossings)
