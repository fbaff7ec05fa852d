"""How long a training takes by default."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.training.config import TrainConfig
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.schedule import Schedule, plan
from captcha_keras.training.trainer import train

SCRATCH, LEARNED = TrainConfig(), TrainConfig(initial_model="runs/first")


@pytest.mark.parametrize("config", [SCRATCH, LEARNED], ids=["random", "learned"])
@pytest.mark.parametrize(("images", "steps"), [(3_200, 100), (40_960, 1_280), (1_000_000, 31_250)])
def test_many_images_are_passed_over_fifty_times(config: TrainConfig, images: int, steps: int) -> None:
    assert plan(config, images) == Schedule(50, steps, 300)


def test_the_commands_that_were_published_mean_what_they_meant() -> None:
    # make run, and the model that comes with the project.
    assert plan(TrainConfig(epochs=3), 40_960) == Schedule(3, 1_280, 300)
    assert plan(TrainConfig(epochs=120, fresh_images=True), 40_960) == Schedule(120, 1_280, 300)
    # A run that was recorded before schedules were.
    settings = {**SCRATCH.to_json(), "epochs": 50, "warmup_steps": 300}
    del settings["steps_per_epoch"], settings["labels"], settings["size"]
    assert plan(TrainConfig.from_json(settings), 320) == Schedule(50, 10, 300)


@pytest.mark.parametrize(
    ("config", "images", "expected"),
    [
        (SCRATCH, 1, Schedule(16, 100, 200)),
        (SCRATCH, 90, Schedule(16, 100, 200)),
        (SCRATCH, 1_024, Schedule(16, 100, 200)),
        (SCRATCH, 2_048, Schedule(32, 100, 300)),
        (LEARNED, 20, Schedule(3, 100, 37)),
        (LEARNED, 90, Schedule(5, 100, 62)),
        (LEARNED, 1_024, Schedule(16, 100, 200)),
        (LEARNED, 2_048, Schedule(32, 100, 300)),
    ],
)
def test_few_images_are_passed_over_more_often(config: TrainConfig, images: int, expected: Schedule) -> None:
    assert plan(config, images) == expected


@given(st.integers(1, 100_000), st.booleans())
def test_fewer_images_never_take_longer_nor_fewer_passes(images: int, learned: bool) -> None:
    config = LEARNED if learned else SCRATCH
    less, more = plan(config, images), plan(config, images + 1)
    assert less.steps <= more.steps
    assert less.steps >= 50 * (images // 32)
    assert less.steps_per_epoch >= 100
    assert less.warmup_steps <= less.steps // 8
    assert plan(LEARNED, images).steps <= plan(SCRATCH, images).steps


def test_what_the_settings_name_is_kept() -> None:
    assert plan(replace(LEARNED, steps_per_epoch=7), 90) == Schedule(68, 7, 59)
    assert plan(replace(LEARNED, epochs=2), 90) == Schedule(2, 2, 0)
    assert plan(replace(SCRATCH, epochs=2, steps_per_epoch=50, warmup_steps=90), 10**6) == Schedule(2, 50, 90)


def test_the_schedule_is_recorded_and_history_has_a_row_for_each_epoch(drawn: Path, tmp_path: Path) -> None:
    config = TrainConfig(str(drawn), "segmented_mlp", labels=30, batch_size=8)
    run = train(config, tmp_path / "run")
    expected = Schedule(16, 100, 200)
    record = run.read_record()
    assert record["schedule"] == asdict(expected)
    # What was asked for is recorded too: nothing.
    assert run.read_config() == config
    head, *rows = (line.split(",") for line in run.history_file.read_text().splitlines())
    assert [float(row[head.index("epoch")]) for row in rows] == list(range(1, len(rows) + 1))
    # Validation may have stopped it early.
    assert 12 <= len(rows) <= 16
    seconds, rate = (float(rows[-1][head.index(name)]) for name in ("seconds", "images_per_second"))
    assert rate * seconds > 100 * 8


def test_a_resumed_run_keeps_the_schedule_that_it_began_with(drawn: Path, tmp_path: Path) -> None:
    from captcha_keras.training.job import check_job

    config = TrainConfig(str(drawn))
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    record = check_job(config, run).record()
    record["schedule"] = {"epochs": 4, "steps_per_epoch": 9, "warmup_steps": 1}
    run.write_record(record)
    assert check_job(run.read_config(), run, resume=True).schedule == Schedule(4, 9, 1)
    # A run of before schedules were recorded.
    del record["schedule"]
    run.write_record(record)
    assert check_job(run.read_config(), run, resume=True).schedule == Schedule(16, 100, 200)
