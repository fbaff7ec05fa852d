"""Requests that TF Serving sends to a model before its first user does.

A TFRecord file of `PredictionLog` messages, whose classes come with the server only; they are small enough to write by
hand. Fields: https://github.com/tensorflow/serving/blob/master/tensorflow_serving/apis/prediction_log.proto
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from captcha_keras.dataset.tfrecord import delimited

MODEL_NAME, MODEL_SIGNATURE = 1 << 3 | 2, 3 << 3 | 2  # of ModelSpec
REQUEST_MODEL, REQUEST_INPUTS = 1 << 3 | 2, 2 << 3 | 2  # of PredictRequest
KEY, VALUE = 1 << 3 | 2, 2 << 3 | 2  # of an entry of its inputs
LOG_REQUEST = 1 << 3 | 2  # of PredictLog
PREDICT_LOG = 6 << 3 | 2  # of PredictionLog


def write_warmup(path: Path, model_name: str, batches: Sequence[Sequence[bytes]]) -> None:
    """Write one request with each batch of image files for each signature that takes them."""
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature in ("serving_default", "probabilities"):
            for content in batches:
                writer.write(prediction_log(model_name, signature, content))


def prediction_log(model_name: str, signature: str, images: Sequence[bytes]) -> bytes:
    """A serialised `PredictionLog` with a request for `image_bytes`."""
    model = delimited(MODEL_NAME, model_name.encode()) + delimited(MODEL_SIGNATURE, signature.encode())
    tensor = tf.make_tensor_proto(list(images), dtype=tf.string).SerializeToString()
    inputs = delimited(KEY, b"image_bytes") + delimited(VALUE, tensor)
    request = delimited(REQUEST_MODEL, model) + delimited(REQUEST_INPUTS, inputs)
    return delimited(PREDICT_LOG, delimited(LOG_REQUEST, request))
