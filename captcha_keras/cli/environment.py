"""What a command needs: packages of an extra, and TensorFlow without its start-up notes on the terminal."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence

from captcha_keras.errors import InputError


def require_packages(names: Sequence[str], what: str = "The server", extra: str = "serve") -> None:
    """Check that the packages of an extra are installed.

    Args:
        names: The packages.
        what: What needs them.
        extra: The extra that brings them.

    Raises:
        InputError: One is not; the message says how to install them all.

    Example:
        >>> require_packages(["uvicorn", "nothing"])
        Traceback (most recent call last):
        captcha_keras.errors.InputError: The server needs more packages (nothing): pip install 'captcha-keras[serve]'.
    """
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"{what} needs more packages ({missing[0]}): pip install 'captcha-keras[{extra}]'.")


def load_tensorflow() -> None:
    """Import TensorFlow and let it look for GPUs, without what it writes to standard error meanwhile.

    Its C++ part writes a dozen lines there before any log level counts. Python's exceptions still arrive; set
    TF_CPP_MIN_LOG_LEVEL to see everything.

    Example:
        >>> load_tensorflow()
        >>> "tensorflow" in sys.modules
        True
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ or "tensorflow" in sys.modules:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")
        tf.get_logger().setLevel("ERROR")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
