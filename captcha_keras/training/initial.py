"""The trained network whose weights a training starts from."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from captcha_keras.errors import InputError
from captcha_keras.networks.registry import build_network
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.run_folder import EXPORTED_RECORD, RunFolder

# A version of an exported model has its weights numbered as the network's variables are.
VARIABLES = Path("variables") / "variables"
WEIGHT = "weights/{}/.ATTRIBUTES/VARIABLE_VALUE"


def load_initial(path: Path) -> tuple[keras.Model, CaptchaSpec]:
    """Load a trained network and its spec.

    Args:
        path: A run folder (its best network counts), a `.keras` file inside of one, or a version of an exported model.

    Raises:
        InputError: There is none, it cannot be read, or an exported one does not say how it was trained.

    Example:
        >>> load_initial(Path("runs/none"))
        Traceback (most recent call last):
        captcha_keras.errors.InputError: runs/none is no run folder: it has no config.json.
    """
    if path.joinpath(VARIABLES).with_suffix(".index").is_file():
        return _load_exported(path)
    run, file = (RunFolder(path.parent), path) if path.suffix == ".keras" else (RunFolder(path), None)
    spec = run.read_spec()
    return run.load_network(file), spec


def _load_exported(version: Path) -> tuple[keras.Model, CaptchaSpec]:
    run = RunFolder(version / EXPORTED_RECORD)
    if not run.config_file.is_file():
        raise InputError(
            f"{version} does not say how it was trained: it has no {EXPORTED_RECORD}/{run.config_file.name}."
        )
    spec = run.read_spec()
    network = build_network(run.read_config().network, spec)
    try:
        weights = tf.train.load_checkpoint(str(version / VARIABLES))
        for number, variable in enumerate(network.variables):
            variable.assign(weights.get_tensor(WEIGHT.format(number)))
    except Exception as error:  # TensorFlow and Keras raise many kinds on a damaged file
        raise InputError(f"{version} cannot be loaded: {error}") from error
    return network, spec
