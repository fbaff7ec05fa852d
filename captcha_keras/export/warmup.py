"""Warm-up requests: TF Serving sends them to a model when it loads, before any user does.

They are a TFRecord file of `PredictionLog` messages. Their Python classes come with the server only, so the messages
are encoded here field by field, after
https://github.com/tensorflow/serving/blob/master/tensorflow_serving/apis/prediction_log.proto
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from captcha_keras.dataset.tfrecord import delimited

MODEL_NAME, MODEL_SIGNATURE = 1 << 3 | 2, 3 << 3 | 2  # of ModelSpec
REQUEST_MODEL, REQUEST_INPUTS = 1 << 3 | 2, 2 << 3 | 2  # of PredictRequest
KEY, VALUE = 1 << 3 | 2, 2 << 3 | 2  # of an entry of its inputs
LOG_REQUEST = 1 << 3 | 2  # of PredictLog
PREDICT_LOG = 6 << 3 | 2  # of PredictionLog


def write_warmup(path: Path, model_name: str, batches: Sequence[Sequence[bytes]]) -> None:
    """Write a warm-up file: for each signature that takes image files, one request per batch.

    Args:
        path: The TFRecord file.
        model_name: The name the model is served by.
        batches: Batches of PNG or JPEG images.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "tf_serving_warmup_requests"
        >>> write_warmup(path, "captcha", [[b"first"], [b"first", b"second"]])
        >>> sum(1 for request in tf.data.TFRecordDataset(str(path)))
        6
    """
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, limits in (("serving_default", ()), ("limited", ("alphabet", "length")), ("probabilities", ())):
            for content in batches:
                unlimited = {name: [b""] * len(content) for name in limits}
                writer.write(prediction_log(model_name, signature, {"image_bytes": content, **unlimited}))


def prediction_log(model_name: str, signature: str, inputs: Mapping[str, Sequence[bytes]]) -> bytes:
    """A serialised `PredictionLog` message with one request.

    Example:
        >>> b"serving_default" in prediction_log("captcha", "serving_default", {"image_bytes": [b"first"]})
        True
    """
    model = delimited(MODEL_NAME, model_name.encode()) + delimited(MODEL_SIGNATURE, signature.encode())
    request = delimited(REQUEST_MODEL, model)
    for name, rows in inputs.items():
        tensor = tf.make_tensor_proto(list(rows), dtype=tf.string).SerializeToString()
        request += delimited(REQUEST_INPUTS, delimited(KEY, name.encode()) + delimited(VALUE, tensor))
    return delimited(PREDICT_LOG, delimited(LOG_REQUEST, request))
