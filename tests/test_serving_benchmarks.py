"""The measurements of the server, at the size of a toy."""

from __future__ import annotations

import cProfile
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import serving_attacks, serving_open_loop, serving_profile, serving_tables
from benchmarks.load_generator import request_of
from benchmarks.measured_server import Server
from benchmarks.request_steps import LAST_STEP, STEPS, steps_of
from captcha_keras.export.saved_model import export_saved_model
from tests.lively import FILES, SPEC, lively_network

REQUESTS = [request_of(content) for content in FILES]
FINE = {"answer": "400: no", "memory_mib": 3.0, "cpu_seconds": 0.1, "seconds": 1.0, "serves_on": True}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = tmp_path_factory.mktemp("served") / "captcha"
    export_saved_model(lively_network(), SPEC, repository, FILES)
    return repository


def test_loads_of_both_kinds_are_measured_with_one_server(model: Path) -> None:
    with Server(model) as server:
        closed = serving_open_loop.closed_rows(server.port, REQUESTS, (1, 3), 0.5)
        opened = serving_open_loop.open_rows(server.port, REQUESTS, 40, (0.5, 1.0), 0.5)
        assert server.memory() > 100
        assert server.cpu() > 1
    assert [row["clients"] for row in closed] == [1, 3]
    assert all(row["answers"] > 0 == row["errors"] for row in [*closed, *opened])
    due = [(row["arrivals"], row["part"]) for row in opened]
    assert due == [("constant", 0.5), ("poisson", 0.5), ("constant", 1.0), ("poisson", 1.0)]
    assert [row["answers"] for row in opened if row["arrivals"] == "constant"] == [10, 20]
    lines = serving_open_loop.tables(closed, opened).splitlines()
    assert len(lines) == 2 + 2 + 1 + 2 + 4
    assert {line.count("|") for line in lines} == {9, 0, 12}


def test_a_goal_is_met_or_not() -> None:
    fast = {"clients": 1, "p50": 2.4, "answers_per_second": 400}
    assert serving_open_loop.met(fast) == "at most 2.5 ms: yes"
    assert serving_open_loop.met({**fast, "p50": 2.6}) == "at most 2.5 ms: no"
    assert serving_open_loop.met({**fast, "p50": None}) == "at most 2.5 ms: no"
    assert serving_open_loop.met({**fast, "clients": 64}) == "at least 1,000/s: no"
    assert serving_open_loop.met({**fast, "clients": 8, "answers_per_second": 656}) == "at least 656/s: yes"
    assert serving_open_loop.met({**fast, "clients": 5}) == ""


def test_the_steps_of_a_request_add_up(model: Path) -> None:
    result = serving_profile.measure(model, REQUESTS, count=20, clients=3, seconds=0.5)
    assert set(result["steps"]) == {title for title, _, _ in STEPS} | {LAST_STEP}
    assert all(milliseconds > 0 for milliseconds in result["steps"].values())
    assert all(milliseconds > 0 for milliseconds in result["cpu"].values())
    assert sum(result["groups"].values()) == pytest.approx(1)
    result["model"] = serving_profile.model_times(model, FILES[0], 2)
    assert set(result["model"]) == {
        "1 image as files",
        "1 image as pixels",
        "64 images as files",
        "64 images as pixels",
    }
    text = serving_profile.tables(result)
    assert text.count("| together |") == 3


def test_steps_are_told_apart_request_by_request() -> None:
    titles = [title for title, _, _ in STEPS]
    moments = [("client sends, server wakes", 0.5)]  # of a request that is not counted
    for sent in (1.0, 2.0):
        moments += [(title, sent + 0.01 * number) for number, title in enumerate(titles, 1)]
        moments.append((titles[0], sent + 0.2))  # bytes that come later belong to no step
    steps = steps_of(moments, [(1.0, 1.5), (2.0, 2.5)])
    assert [steps[title] for title in titles] == pytest.approx([10] * len(titles))
    assert sum(steps.values()) == pytest.approx(500)
    with pytest.raises(RuntimeError, match="a request passed only"):
        steps_of(moments, [(1.0, 1.05)])


def test_the_time_of_c_code_belongs_to_the_file_that_calls_it() -> None:
    profile = cProfile.Profile()
    profile.enable()
    json.dumps({str(number): list(range(100)) for number in range(1000)})
    profile.disable()
    groups = serving_profile.groups_of(profile)
    assert groups["log (logging, access.py)"] > 0.5  # where the standard library's json is used


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, False),
        ({"memory_mib": 64.1}, True),
        ({"cpu_seconds": 1.01}, True),
        ({"serves_on": False}, True),
        ({"memory_mib": None, "cpu_seconds": None}, True),
        ({"answer": "500: the server failed"}, True),
        ({"answer": "503: busy"}, False),
        ({"answer": "honest client 400 in 0.99 s; after 25 s 0 of 2000 still open"}, False),
        ({"answer": "honest client 400 in 1.01 s; after 25 s 0 of 2000 still open"}, True),
        ({"answer": "honest client 503 in 0.01 s; after 25 s 0 of 2000 still open"}, True),
    ],
)
def test_a_row_above_a_bound_is_told(change: dict[str, Any], wrong: bool) -> None:
    found = serving_attacks.excesses({"attack": {**FINE, **change}})
    assert [line.startswith("attack: ") for line in found] == [True] * wrong


def test_attacks_go_on_where_they_were_stopped(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(server: Server) -> str:
        raise KeyboardInterrupt

    tried: list[str] = []

    def attack(name: str, cost: int = 0) -> Callable[[Server], str]:
        def of(server: Server) -> str:
            tried.append(name)
            return server.post(b"[" * cost) if cost else server.post(b"{}")

        return of

    attacks = {"first": attack("first"), "second": stop, "third": attack("third", 1000)}
    monkeypatch.setattr(serving_attacks, "ATTACKS", attacks)
    monkeypatch.setattr(serving_attacks, "RESULTS", tmp_path)
    monkeypatch.setattr(serving_attacks, "sources", lambda tree: "these")
    monkeypatch.setattr("sys.argv", ["serving_attacks", "--model", str(model)])
    with pytest.raises(KeyboardInterrupt):
        serving_attacks.main()
    monkeypatch.setitem(attacks, "second", attack("second"))
    serving_attacks.main()
    assert tried == ["first", "second", "third"]
    rows = json.loads((tmp_path / "serving_attacks_after.json").read_text())["rows"]
    assert list(rows) == ["first", "second", "third"]
    assert all(row["serves_on"] and row["answer"].startswith("400") for row in rows.values())
    table = capsys.readouterr().out.splitlines()
    titles = [line.split(" | ")[0] for line in table]
    assert titles == ["| attack", "|---|---|---|---|---|---|---|", "| first", "| second", "| third"]
    # Rows of other sources are measured anew; a bound that is passed ends with an exit status.
    monkeypatch.setattr(serving_attacks, "sources", lambda tree: "others")
    monkeypatch.setattr(serving_attacks, "MOST_MIB", -1000)
    with pytest.raises(SystemExit, match="Not as it must be:\nfirst: "):
        serving_attacks.main()
    assert tried == ["first", "second", "third"] * 2


def test_a_digest_tells_sources_apart(tmp_path: Path) -> None:
    folder = tmp_path / "captcha_keras" / "serving"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("x = 1")
    before = serving_attacks.sources(tmp_path)
    assert serving_attacks.sources(tmp_path) == before
    (folder / "a.py").write_text("x = 2")
    assert serving_attacks.sources(tmp_path) != before


def test_the_page_of_results_has_what_is_stored() -> None:
    page = serving_tables.PAGE.read_text()
    assert serving_tables.updated(page) == page, "python -m benchmarks.serving_tables writes it"
    older = re.sub(r"\| 64 \| [\d,]+ \|", "| 64 | 5 |", page)
    assert serving_tables.updated(older.replace("| DT_", "| a row that is gone |\n| DT_")) == page != older
    with pytest.raises(ValueError, match=r"holds 2 times, not once: `python -m benchmarks\.serving_attacks`:"):
        serving_tables.updated(page * 2)


def test_the_stored_attacks_are_all_and_stay_within_the_bounds() -> None:
    rows = serving_tables.stored("serving_attacks_after")["rows"]
    assert list(rows) == list(serving_attacks.ATTACKS)
    assert serving_attacks.excesses(rows) == []


def test_computing_together_is_worth_what_the_documentation_says() -> None:
    rows = {(row["setting"], row["clients"]): row for row in serving_tables.stored("serving_load")["rows"]}
    rates = {place: row["answers_per_second"] for place, row in rows.items()}
    for clients, times in ((8, 2), (64, 3), (256, 3)):
        assert rates["batches (default)", clients] >= times * rates["one by one", clients]
    assert all(row["errors"] == 0 and row["recovered"] for row in rows.values())
