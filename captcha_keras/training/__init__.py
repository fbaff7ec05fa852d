"""Training: settings, run folder, exact resume. Never draws plots."""

from captcha_keras.training.config import TrainConfig
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.trainer import train

__all__ = ["RunFolder", "TrainConfig", "train"]
