"""What a run remembers of where it was trained and what it was trained on."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import keras

from captcha_keras.training.data import TrainingData
from captcha_keras.training.devices import Device, processor_name

# The folder of the package, in a checkout that of the repository's `captcha_keras`.
PACKAGE = Path(__file__).resolve().parents[1]


def data_record(data: TrainingData) -> dict[str, Any]:
    """What a run remembers of a data set and its split, to know them again.

    Example:
        >>> from captcha_keras.dataset.dataset import Dataset
        >>> from captcha_keras.dataset.records import Record
        >>> from captcha_keras.dataset.split import split_indices
        >>> from captcha_keras.spec import CaptchaSpec
        >>> dataset = Dataset(Path("data"), tuple(Record(Path(f"{k}.png"), "AB", "a test") for k in range(10)))
        >>> record = data_record(TrainingData(dataset, CaptchaSpec("AB", 2, 2), split_indices(10, seed=0)))
        >>> record["folder"], record["images"]
        ('data', 10)
    """
    return {
        "folder": str(data.dataset.folder),
        "images": len(data.dataset),
        "fingerprint": data.dataset.fingerprint(),
        "split": data.split.digest(),
        "description": data.dataset.description,
    }


def environment_record(device: Device, policy: str) -> dict[str, Any]:
    """What a run remembers of its machine: device, dtype policy, backend and releases.

    Example:
        >>> record = environment_record(Device("cpu", ("EPYC",)), "float32")
        >>> record["device"]["kind"], record["dtype_policy"], record["packages"]["keras"] == keras.__version__
        ('cpu', 'float32', True)
    """
    backend = keras.backend.backend()
    packages = ("captcha-keras", "keras", backend, "tensorflow", "numpy", "pillow", "captcha")
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
    """The commit of this package's own repository; None where it was installed, even below another repository."""
    try:
        tracked = _git("ls-files", "--error-unmatch", "__init__.py")
        return _git("rev-parse", "HEAD") if tracked else None
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*words: str) -> str:
    command = ["git", "-C", str(PACKAGE), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
