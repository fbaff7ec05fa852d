"""Registers with Keras every custom object that a saved training model may hold.

Keras finds custom objects of a `.keras` file by their registration alone, so import this module before
`keras.saving.load_model`. A saved network, without what trains it, needs no code of this package.

Example:
    >>> import tempfile
    >>> from pathlib import Path
    >>> import keras
    >>> import captcha_keras.training.custom_objects
    >>> from captcha_keras.spec import CaptchaSpec
    >>> from captcha_keras.training.config import TrainConfig
    >>> from captcha_keras.training.fit import build_trainee
    >>> from captcha_keras.training.schedule import Schedule
    >>> trainee = build_trainee(TrainConfig(), CaptchaSpec("AB", 2, 2, 32, 32), "float32", Schedule(1, 10, 0))
    >>> path = Path(tempfile.mkdtemp()) / "training.keras"
    >>> trainee.model.save(path)
    >>> type(keras.saving.load_model(path).optimizer).__name__
    'RampedAdam'
"""

import captcha_keras.networks.losses
import captcha_keras.training.metrics
import captcha_keras.training.optimizer
import captcha_keras.training.prior  # noqa: F401
