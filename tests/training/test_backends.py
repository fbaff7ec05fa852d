"""`KERAS_BACKEND=jax python train.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(script: str, *words: object) -> str:
    result = subprocess.run(
        [sys.executable, script, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.long
def test_jax_trains_and_evaluates(drawn: Path, tmp_path: Path) -> None:
    words = ["--epochs", 2, "--batch-size", 16, "--warmup-steps", 2]
    run("train.py", "--data", drawn, "--run", tmp_path / "whole", *words)
    record = json.loads((tmp_path / "whole" / "config.json").read_text())
    assert record["environment"]["backend"] == "jax"
    assert record["environment"]["dtype_policy"] == "float32"
    figures = json.loads(run("evaluate.py", "--model", tmp_path / "whole", "--json"))
    assert figures["images"]["total"] == 12


@pytest.mark.long
def test_jax_without_a_gpu_says_so(drawn: Path) -> None:
    result = subprocess.run(
        [sys.executable, "train.py", "--gpu", "--data", str(drawn)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "the jax backend sees none" in result.stderr
    assert "pip install 'captcha-keras[jax-cuda]'" in result.stderr
