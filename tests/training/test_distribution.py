"""Data parallel training, on two logical processors of one machine."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Two logical CPUs stand for two GPUs: the same strategy, the same split of a batch, the same reduction.
TWO_DEVICES = """
import sys
import tensorflow as tf

from captcha_keras.devices import Device
from captcha_keras.training import RunFolder, TrainConfig, trainer

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
trainer.select_device = lambda gpu: Device("gpu", ("one", "two"))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
trainer.distribution = lambda device: strategy.scope
config = TrainConfig(
    data=sys.argv[1], epochs=3, batch_size=16, warmup_steps=2, precision="float32", augmentation=None
)
trainer.train(config, RunFolder(__import__("pathlib").Path(sys.argv[2])))
assert strategy.num_replicas_in_sync == 2
"""


def losses(run: Path) -> list[float]:
    with (run / "history.csv").open() as file:
        return [float(row["val_loss"]) for row in csv.DictReader(file)]


@pytest.mark.long
def test_two_devices_learn_what_one_learns(drawn: Path, tmp_path: Path) -> None:
    two = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, str(drawn), str(tmp_path / "two")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert two.returncode == 0, two.stderr
    words = ["--epochs", "3", "--batch-size", "16", "--warmup-steps", "2", "--precision", "float32", "--no-augment"]
    one = [sys.executable, "train.py", "--data", str(drawn), "--run", str(tmp_path / "one"), *words]
    subprocess.run(one, cwd=ROOT, check=True, capture_output=True)
    # Batch normalisation sees halves of a batch and dropout draws for each half, so not to the bit.
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=0.3)
    assert losses(tmp_path / "two")[-1] < losses(tmp_path / "two")[0]
