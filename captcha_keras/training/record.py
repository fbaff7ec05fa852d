"""What a run remembers of where it was trained and what it was trained on."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import keras

from captcha_keras.dataset import Dataset
from captcha_keras.devices import Device, processor_name


def data_record(dataset: Dataset) -> dict[str, Any]:
    """A data set, so that it is known again."""
    return {
        "folder": str(dataset.folder),
        "images": len(dataset),
        "fingerprint": dataset.fingerprint(),
        "description": dataset.description,
    }


def environment_record(device: Device, policy: str) -> dict[str, Any]:
    """Device, dtype policy, backend and releases of a training."""
    backend = keras.backend.backend()
    packages = ("captcha-keras", "keras", backend, "tensorflow", "numpy", "pillow")
    return {
        "device": {"kind": device.kind, "names": device.names},
        "processor": processor_name(),
        "dtype_policy": policy,
        "backend": backend,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in dict.fromkeys(packages)},
        "git_commit": _git_commit(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
