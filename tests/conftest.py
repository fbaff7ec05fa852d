from __future__ import annotations

import os

# Before anything imports TensorFlow: quiet, and never a GPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import data_gen
from captcha_keras.spec import CaptchaSpec

# Two busy cores make any time limit a coin toss.
settings.register_profile("noisy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("noisy")


@pytest.fixture(scope="session")
def small_spec() -> CaptchaSpec:
    """Few classes, short texts, small images: a network learns them in seconds."""
    return CaptchaSpec(alphabet="0OX", min_length=2, max_length=2, width=64, height=40)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory, small_spec: CaptchaSpec) -> Path:
    """A finished data set of 120 small images; never write into it."""
    folder = tmp_path_factory.mktemp("data") / "drawn"
    data_gen.generate(data_gen.Settings(small_spec, 120, seed=3), folder, workers=1)
    return folder
