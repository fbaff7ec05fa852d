from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from captcha_keras.errors import InputError
from captcha_keras.training.run_folder import RunFolder, new_run, newest_run


def run_at(path: Path, *, finished: bool, age: int) -> RunFolder:
    path.mkdir(parents=True)
    run = RunFolder(path)
    run.config_file.write_text("{}")
    os.utime(run.config_file, (1_000_000 - age, 1_000_000 - age))
    if finished:
        run.last_model.write_bytes(b"")
    return run


def test_the_newest_run_of_a_kind_is_found(tmp_path: Path) -> None:
    assert newest_run(finished=True, runs=tmp_path) is None
    run_at(tmp_path / "old", finished=True, age=20)
    newer = run_at(tmp_path / "newer", finished=True, age=10)
    unfinished = run_at(tmp_path / "unfinished", finished=False, age=5)
    (tmp_path / "something").mkdir()
    assert newest_run(finished=True, runs=tmp_path) == newer
    assert newest_run(finished=False, runs=tmp_path) == unfinished


def test_new_runs_never_meet_old_ones(tmp_path: Path) -> None:
    first = new_run("vgg", tmp_path)
    first.path.mkdir()
    second = new_run("vgg", tmp_path)
    second.path.mkdir()
    third = new_run("vgg", tmp_path)
    assert first.path.name.endswith("-vgg")
    assert [second.path.name, third.path.name] == [f"{first.path.name}-2", f"{first.path.name}-3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no run folder: it has no config.json"),
        ("{", "is no readable JSON file"),
        ("[]", "lacks settings, spec or dataset"),
        ("{}", "lacks settings, spec or dataset"),
    ],
)
def test_what_is_no_run_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match=message):
        RunFolder(tmp_path).read_record()


def test_history_is_written_anew(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    rows = [{"epoch": 1.0, "loss": 0.5}]
    run.write_history(rows)
    run.write_history([*rows, {"epoch": 2.0, "loss": 1 / 3}])
    assert run.history_file.read_text() == "epoch,loss\n1,0.5\n2,0.3333333\n"


def test_the_record_round_trips(tmp_path: Path) -> None:
    record = {"settings": {}, "spec": {"ä": 1}, "dataset": {}}
    RunFolder(tmp_path).write_record(record)
    assert RunFolder(tmp_path).read_record() == record
    assert json.loads((tmp_path / "config.json").read_text("utf-8")) == record
