"""Data parallel training, on two logical processors of one machine."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

import data_gen
from captcha_keras.spec import CaptchaSpec

ROOT = Path(__file__).parents[2]

# Two logical CPUs stand for two GPUs: the same strategy, the same split of a batch, the same reduction.
TWO_DEVICES = """
import sys
import tensorflow as tf

from captcha_keras.training import job, trainer
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.devices import Device

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
job.select_device = lambda gpu: Device("gpu", ("one", "two"))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
trainer.distribution = lambda device: strategy.scope
config = TrainConfig(
    data=sys.argv[1],
    network="mathematica",
    epochs=3,
    batch_size=16,
    warmup_steps=2,
    precision="float32",
    augmentation=None,
)
trainer.train(config, sys.argv[2])
assert strategy.num_replicas_in_sync == 2
"""


def losses(run: Path) -> list[float]:
    with (run / "history.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.long
def test_two_devices_learn_what_one_learns(tmp_path: Path) -> None:
    # mathematica: its layers treat each image alone, so halves of a batch add up to the whole.
    drawn = tmp_path / "drawn"
    spec = CaptchaSpec("0OX", 2, 2, 80, 76)
    data_gen.generate_dataset(data_gen.Settings(data_gen.Series(spec), 60), drawn, engine=data_gen.processes(1))
    two = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, str(drawn), str(tmp_path / "two")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert two.returncode == 0, two.stderr
    words = [
        "--network",
        "mathematica",
        "--epochs",
        "3",
        "--batch-size",
        "16",
        "--warmup-steps",
        "2",
        "--precision",
        "float32",
        "--no-augment",
    ]
    one = [sys.executable, "train.py", "--data", str(drawn), "--run", str(tmp_path / "one"), *words]
    subprocess.run(one, cwd=ROOT, check=True, capture_output=True)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-3)
    assert losses(tmp_path / "two")[-1] < losses(tmp_path / "two")[0]
