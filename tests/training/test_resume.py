"""A training killed with -9 and resumed ends as one that never was killed; on real processes."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import SmallDisk

ROOT = Path(__file__).parents[2]
SETTINGS = ["--epochs", "6", "--batch-size", "8", "--warmup-steps", "10", "--learning-rate", "0.01"]
# Small patience, so that ReduceLROnPlateau does something within six epochs.
SETTINGS += ["--plateau-patience", "1", "--precision", "float32"]


def start(data: Path, run: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "train.py", "--run", str(run), *more]
    if "--resume" not in more:
        command += ["--data", str(data), *SETTINGS]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(data: Path, run: Path, *more: str) -> str:
    process = start(data, run, *more)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def weights(model: Path) -> dict[str, np.ndarray]:
    import h5py

    found: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(model) as archive, archive.open("model.weights.h5") as file, h5py.File(file) as tree:
        tree.visititems(lambda name, item: found.update({name: item[()]}) if hasattr(item, "shape") else None)
    assert len(found) > 20
    return found


def history(run: Path) -> list[list[str]]:
    """The rows without the three columns of time."""
    return [line.split(",")[:-3] for line in (run / "history.csv").read_text().splitlines()]


def assert_equal(run: Path, reference: Path) -> None:
    assert history(run) == history(reference)
    for name in ("model.keras", "best.keras"):
        ours, theirs = weights(run / name), weights(reference / name)
        assert ours.keys() == theirs.keys()
        for key, value in ours.items():
            np.testing.assert_array_equal(value, theirs[key])


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    run = tmp_path_factory.mktemp("reference") / "run"
    finish(drawn, run)
    rows = history(run)
    rates = [row[rows[0].index("learning_rate")] for row in rows[1:]]
    assert len(rates) == 6
    assert len(set(rates)) > 1, "ReduceLROnPlateau must have something to lose"
    return run


def kill_after_epochs(data: Path, run: Path, epochs: int, delay: float, *more: str) -> None:
    process = start(data, run, *more)
    history_file = run / "history.csv"
    for _ in range(3000):
        if history_file.exists() and len(history_file.read_text().splitlines()) > epochs:
            break
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_killed_twice_it_ends_with_the_same_weights(drawn: Path, reference: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    kill_after_epochs(drawn, run, 1, 0.05)
    kill_after_epochs(drawn, run, 3, 0.0, "--resume")
    output = finish(drawn, run, "--resume")
    assert "Going on after epoch" in output
    assert_equal(run, reference)
    assert "is finished" in finish(drawn, run, "--resume")


def test_training_on_new_images_goes_on_with_the_same_ones(drawn: Path, tmp_path: Path) -> None:
    fresh = ["--fresh-images", "--hard-characters"]
    finish(drawn, tmp_path / "reference", *fresh)
    kill_after_epochs(drawn, tmp_path / "run", 2, 0.05, *fresh)
    finish(drawn, tmp_path / "run", "--resume")
    assert_equal(tmp_path / "run", tmp_path / "reference")


def test_training_on_few_labels_goes_on_without_the_model_that_it_started_from(drawn: Path, tmp_path: Path) -> None:
    few = ["--labels", "30", "--steps-per-epoch", "10", "--size", "60x36", "--from"]
    source = shutil.copytree(ROOT / "models" / "captcha" / "1", tmp_path / "source")
    finish(drawn, tmp_path / "reference", *few, str(source))
    kill_after_epochs(drawn, tmp_path / "run", 1, 0.05, *few, str(source))
    shutil.rmtree(source)
    finish(drawn, tmp_path / "run", "--resume")
    assert_equal(tmp_path / "run", tmp_path / "reference")
    assert len(history(tmp_path / "run")) == 7


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random_moments_it_ends_with_the_same_weights(
    drawn: Path, reference: Path, tmp_path: Path, seed: int
) -> None:
    moments = random.Random(seed)
    run = tmp_path / "run"
    for _ in range(4):
        resume = ["--resume"] if (run / "config.json").exists() else []
        process = start(drawn, run, *resume)
        time.sleep(moments.uniform(0.5, 14))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    finish(drawn, run, *(["--resume"] if (run / "config.json").exists() else []))
    assert_equal(run, reference)


def test_sigterm_keeps_the_finished_epochs(drawn: Path, reference: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start(drawn, run)
    while not (run / "history.csv").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 143, output
    assert output.splitlines()[-1] == (
        "Interrupted. Every finished epoch is kept: go on with python train.py --resume."
    )
    assert "Traceback" not in output
    finish(drawn, run, "--resume")
    assert_equal(run, reference)


def test_a_full_disk_is_one_sentence_and_loses_no_epoch(drawn: Path, reference: Path, small_disk: SmallDisk) -> None:
    # Enough for the network, too little for the checkpoint beside it.
    run = small_disk.resize("9m") / "run"
    process = start(drawn, run)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1, output
    assert output.splitlines()[-1] == (
        "The disk is full. Every finished epoch is kept: go on with python train.py --resume."
    )
    assert not [path for path in run.rglob("*") if path.name.startswith(".tmp")]
    small_disk.resize("90m")
    finish(drawn, run, "--resume")
    assert_equal(run, reference)
