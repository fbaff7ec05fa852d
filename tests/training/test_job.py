"""What is refused before a training begins or goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.dataset.split import split_indices
from captcha_keras.errors import CommandError, InputError
from captcha_keras.evaluation.images import images_to_evaluate
from captcha_keras.training import record as record_module
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.data import recorded_split
from captcha_keras.training.devices import Device
from captcha_keras.training.job import check_job
from captcha_keras.training.record import environment_record
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.trainer import train
from data_gen.stream import ImageStream

ROOT = Path(__file__).parents[2]


def config(data: Path, **more: Any) -> TrainConfig:
    return TrainConfig(
        str(data),
        **{"epochs": 2, "batch_size": 16, "warmup_steps": 300, "augmentation": None, "precision": "float32", **more},
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> RunFolder:
    """A finished run; never write into it."""
    return train(config(drawn), tmp_path_factory.mktemp("runs") / "finished")


@pytest.fixture
def begun(tmp_path: Path, drawn: Path) -> RunFolder:
    """A run that stopped before its first epoch ended."""
    run = RunFolder(tmp_path / "begun")
    run.path.mkdir()
    run.write_record(check_job(config(drawn), run).record())
    return run


def test_history_has_the_learning_rate_that_was_used(finished: RunFolder) -> None:
    rows = [line.split(",") for line in finished.history_file.read_text().splitlines()]
    rates = [float(row[rows[0].index("learning_rate")]) for row in rows[1:]]
    # Six steps an epoch, all of them in the warm-up of 300; the cosine has fallen as far as it can by the last step.
    assert len(rates) == 2
    assert 0 < rates[1] < 3e-3 * 12 / 300
    assert rates[0] == pytest.approx(3e-3 * 6 / 300, rel=1e-3)


def test_the_split_is_recorded_and_checked(finished: RunFolder, drawn: Path, tmp_path: Path) -> None:
    dataset = open_dataset(drawn)
    parts = split_indices(120, 0)
    assert finished.read_record()["dataset"]["split"] == parts.digest()
    np.testing.assert_array_equal(recorded_split(finished, dataset).train, parts.train)
    assert images_to_evaluate(finished).names == tuple(dataset.records[index].name for index in parts.test)

    changed = finished.read_record()
    changed["dataset"]["split"] = "0" * 64
    other = RunFolder(tmp_path)
    other.write_record(changed)
    with pytest.raises(InputError, match=r"splits .* otherwise than where .* was trained"):
        images_to_evaluate(other)
    assert len(images_to_evaluate(other, part="all")) == 120


def test_every_index_counts_in_the_digest_of_a_split() -> None:
    digests = {split_indices(40, seed, validation).digest() for seed in (0, 1) for validation in (0.1, 0.2)}
    assert len(digests) == 4


def damaged(change: Callable[[dict[str, Any]], None], run: RunFolder) -> None:
    record = run.read_record()
    change(record)
    run.write_record(record)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda r: r["environment"].update(backend="jax"),
            "with backend jax and would go on with tensorflow",
        ),
        (
            lambda r: r["environment"].update(dtype_policy="mixed_float16"),
            "with precision mixed_float16 and would",
        ),
        (lambda r: r["environment"]["device"].update(kind="gpu", names=["A", "B"]), "device 2 gpu and would .* 1 cpu"),
        (lambda r: r["environment"]["packages"].update(keras="3.0.0"), "was trained with keras 3.0.0 and would go on"),
        (lambda r: r["environment"]["packages"].update(numpy="1.0"), "was trained with numpy 1.0 and would go on with"),
        (lambda r: r["dataset"].update(fingerprint="x"), "is not the data set that .* was trained on"),
        (lambda r: r["dataset"].update(split="x"), "NumPy splits .* otherwise here than where"),
    ],
    ids=["backend", "precision", "devices", "keras", "numpy", "data", "split"],
)
def test_a_resumed_run_must_compute_as_before(begun: RunFolder, change: Any, message: str) -> None:
    check_job(begun.read_config(), begun, resume=True)
    damaged(change, begun)
    with pytest.raises(InputError, match=message):
        check_job(begun.read_config(), begun, resume=True)


def test_what_does_not_decide_the_numbers_may_change(begun: RunFolder) -> None:
    damaged(lambda r: r["environment"]["packages"].update({"captcha-keras": "0.0.1"}), begun)
    damaged(lambda r: r["environment"].update(processor="another", python="3.99"), begun)
    # Runs of before these were recorded.
    damaged(lambda r: r["dataset"].pop("split"), begun)
    damaged(lambda r: r["environment"]["packages"].pop("captcha"), begun)
    assert check_job(begun.read_config(), begun, resume=True).schedule.steps_per_epoch == 6


def test_a_run_killed_while_it_decodes_to_disk_can_be_started_anew(drawn: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from captcha_keras.dataset import dataset\n"
        "from captcha_keras.training.config import TrainConfig\n"
        "from captcha_keras.training.trainer import train\n"
        "def killed(*words, allocate, **more):\n"
        "    allocate((10, 10, 10, 3))\n"
        "    os.kill(os.getpid(), 9)\n"
        "dataset.load_records = killed\n"
        "train(TrainConfig(sys.argv[1], image_store='disk'), sys.argv[2])\n"
    )
    run = tmp_path / "run"
    result = subprocess.run([sys.executable, "-c", code, str(drawn), str(run)], cwd=ROOT, capture_output=True)
    assert result.returncode == -signal.SIGKILL
    assert [path.name[:8] for path in run.iterdir()] == [".images-"]
    train(config(drawn, epochs=1), run)
    assert {path.name for path in run.iterdir()} == {
        "best.keras", "checkpoint", "config.json", "history.csv", "model.keras",
    }  # fmt: skip


def test_a_folder_with_anything_else_in_it_is_refused(drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match="is not empty; --resume it, or choose another --run"):
            check_job(config(drawn), RunFolder(path))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_new_images_like_those_of_another_generator_are_refused(drawn: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for line, text in enumerate((drawn / "labels.txt").read_text().split()):
        (own / f"{line}-{text}.jpg").write_bytes((drawn / "images" / f"{line:05d}.jpg").read_bytes())
    with pytest.raises(InputError, match=r"were not drawn by data_gen\.py"):
        check_job(config(own, fresh_images=True), RunFolder(tmp_path / "run"))
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.write_record(check_job(config(own), run).record())
    with pytest.raises(InputError, match=r"were not drawn by data_gen\.py"):
        images_to_evaluate(run, fresh=5)


def test_a_drawing_process_that_dies_ends_in_one_sentence(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = ImageStream.batches

    def dying(self: ImageStream, *words: Any) -> Any:
        yield next(iter(draw(self, *words)))
        raise CommandError("A process that draws training images died (killed, or out of memory).")

    monkeypatch.setattr(ImageStream, "batches", dying)
    with pytest.raises(CommandError, match="A process that draws training images died"):
        train(config(drawn, fresh_images=True), tmp_path / "run")


def workers(process: int) -> list[int]:
    """The processes that draw; the thread that asks for images starts them."""
    lists = [file.read_text().split() for file in Path(f"/proc/{process}/task").glob("*/children")]
    numbers = [number for numbers in lists for number in numbers]
    return [int(number) for number in numbers if b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes()]


def test_the_command_says_so_when_the_drawing_processes_are_killed(drawn: Path, tmp_path: Path) -> None:
    command = [sys.executable, "train.py", "--data", str(drawn), "--run", str(tmp_path / "run"), "--fresh-images"]
    with subprocess.Popen(
        [*command, "--epochs", "500", "--batch-size", "16"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Epoch 3"):
                break
        killed = workers(process.pid)
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
    assert killed
    assert process.returncode == 1
    assert errors.splitlines()[-1] == "A process that draws training images died (killed, or out of memory)."
    assert "Traceback" not in errors


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_that_of_the_package_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def commit() -> Any:
        return environment_record(Device("cpu", ("a processor",)), "float32")["git_commit"]

    # An environment inside of somebody's repository, which ignores it.
    git(tmp_path, "init", "--quiet")
    (tmp_path / "theirs.txt").write_text("x")
    git(tmp_path, "add", "theirs.txt")
    git(tmp_path, "commit", "--quiet", "--message", "theirs")
    installed = tmp_path / "site-packages" / "captcha_keras"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    monkeypatch.setattr(record_module, "PACKAGE", installed)
    assert commit() is None
    # A checkout: the package itself is tracked.
    git(tmp_path, "add", "site-packages")
    git(tmp_path, "commit", "--quiet", "--message", "ours")
    assert commit() == git(tmp_path, "rev-parse", "HEAD")
