from __future__ import annotations

import os
import subprocess

# Before anything imports TensorFlow: quiet, and never a GPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import data_gen
from captcha_keras.spec import CaptchaSpec

# Two busy cores make any time limit a coin toss.
settings.register_profile("noisy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("noisy")

# The folders and files that take longest.
LONGEST = {"cli", "training", "test_wheel.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first: of several processes, none works alone in the end."""
    items.sort(key=lambda item: LONGEST.isdisjoint((item.path.name, item.path.parent.name)))


@pytest.fixture(scope="session")
def small_spec() -> CaptchaSpec:
    """Few classes, short texts, small images: a network learns them in seconds."""
    return CaptchaSpec(alphabet="0OX", min_length=2, max_length=2, width=64, height=40)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory, small_spec: CaptchaSpec) -> Path:
    """A finished data set of 120 small images; never write into it."""
    folder = tmp_path_factory.mktemp("data") / "drawn"
    data_gen.generate_dataset(
        data_gen.Settings(data_gen.Series(small_spec, 3), 120), folder, engine=data_gen.processes(1)
    )
    return folder


class SmallDisk:
    """A disk that is soon full."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def resize(self, size: str) -> Path:
        """Mount it with a size such as "300k", or change its size; returns its folder."""
        action = (
            ["-o", f"remount,size={size}"] if self.path.is_mount() else ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
        )
        subprocess.run(["mount", *action, str(self.path)], check=True)
        return self.path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Needs root and the right to mount; elsewhere its tests are skipped."""
    path = tmp_path / "small"
    path.mkdir()
    disk = SmallDisk(path)
    try:
        disk.resize("100k")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a tmpfs needs root")
    yield disk
    subprocess.run(["umount", str(path)], check=True)
