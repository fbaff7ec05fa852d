"""Train, measure and serve a multi-head CNN that reads text CAPTCHAs drawn by the `captcha` library.

Importing this package loads neither TensorFlow nor Keras; its attributes load what they need on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from captcha_keras.dataset import Dataset, open_dataset
    from captcha_keras.evaluation import Evaluation, evaluate
    from captcha_keras.networks import build_network
    from captcha_keras.predict import Recognizer
    from captcha_keras.reading import Reading
    from captcha_keras.spec import CaptchaSpec
    from captcha_keras.training import RunFolder, TrainConfig, train

__version__ = "0.1.0"

_HOMES = {
    "CaptchaSpec": "spec",
    "Dataset": "dataset",
    "Evaluation": "evaluation",
    "Reading": "reading",
    "Recognizer": "predict",
    "RunFolder": "training",
    "TrainConfig": "training",
    "build_network": "networks",
    "evaluate": "evaluation",
    "open_dataset": "dataset",
    "train": "training",
}

__all__ = [
    "CaptchaSpec",
    "Dataset",
    "Evaluation",
    "Reading",
    "Recognizer",
    "RunFolder",
    "TrainConfig",
    "build_network",
    "evaluate",
    "open_dataset",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"captcha_keras.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
