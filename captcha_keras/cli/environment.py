"""Loads TensorFlow without its start-up notes on the terminal."""

from __future__ import annotations

import os
import sys


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
