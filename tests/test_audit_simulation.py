"""The simulated audits that docs/audit.md tells of, small, and its table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scipy.stats import binom

from benchmarks.audit_simulation import RATES, SCENES, lines, simulate
from captcha_keras.audit import readings
from captcha_keras.audit.budget import BUDGETS

ROOT = Path(__file__).parents[1]
AUDITS = 60


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("rate", [0.009, 0.011])
def test_verdicts_and_intervals_keep_their_promise(scene: str, rate: float) -> None:
    row = simulate("small", BUDGETS["small"], scene, rate, AUDITS)
    most = binom.ppf(0.9999, AUDITS, 0.05) / AUDITS
    assert row.broken + row.holds + row.undecided == pytest.approx(1)
    assert max(row.wrong_broken, row.wrong_holds, 1 - row.lower, row.effects) <= most
    assert min(row.reading, row.training) >= 0.9


def test_a_rule_that_is_too_bold_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "ALPHA", 0.9)
    assert simulate("small", BUDGETS["small"], "all alike", 0.0099, AUDITS).wrong_broken > 0.25
    assert simulate("small", BUDGETS["small"], "one alone", 0.0101, AUDITS).wrong_holds > 0.25


def test_the_table_of_the_documentation_is_that_of_the_file() -> None:
    recorded = json.loads((ROOT / "benchmarks/results/audit_simulation.json").read_text("utf-8"))
    rows = [row for row in recorded["rows"] if row["budget"] == "standard"]
    assert {row["rate"] for row in rows} == set(RATES)
    assert all(row["audits"] >= 1_000 for row in rows)
    assert "\n".join(lines(rows)) in (ROOT / "docs/audit.md").read_text("utf-8")
    assert all(max(row["wrong_broken"], row["wrong_holds"]) <= 0.05 for row in recorded["rows"])
