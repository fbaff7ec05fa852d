"""Export as a SavedModel that TF Serving runs as it stands: image bytes in, text out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captcha_keras.errors import CommandError, InputError
from captcha_keras.export.decode import decode_images
from captcha_keras.export.limits import apply_limits, limit_masks
from captcha_keras.export.warmup import write_warmup
from captcha_keras.files import write_json
from captcha_keras.recognizer.decoding import predictions_from
from captcha_keras.recognizer.formats import SAVED_MODEL_SPEC
from captcha_keras.recognizer.limits import limit_mask, limit_probabilities
from captcha_keras.spec import CaptchaSpec

WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
TOLERANCE = 1e-5
# The exported model is checked, and warmed up, with batches of these sizes.
BATCH_SIZES = (1, 7)

Tensors = Mapping[str, tf.Tensor]


def export_saved_model(
    network: keras.Model,
    spec: CaptchaSpec,
    repository: Path | str,
    samples: Sequence[bytes],
    *,
    model_name: str = "captcha",
    assets: Mapping[str, bytes] | None = None,
) -> Path:
    """Export a network as the next version of a TF Serving model.

    The version appears atomically, once it is checked; other versions stay as they are. Its signatures are
    `serving_default` (`image_bytes` to `text`, `confidence`, `char_confidence`, `valid`), `limited` (`image_bytes`,
    `alphabet` and `length` to the same), `probabilities` (`image_bytes` to `char_0 …` and `valid`) and `images` (uint8
    `image` to `char_0 …`).

    Args:
        network: uint8 `(N, height, width, 3)` to `{"char_0": float32 (N, K), …}`, computing in float32.
        spec: The network's spec.
        repository: The folder of the model's versions; created if it is missing.
        samples: Contents of at least 7 PNG or JPEG files. The exported model must predict them as the network does; the
            first ones become its warm-up requests.
        model_name: The name the model is served by.
        assets: Further files to keep beside `spec.json`, contents by name.

    Returns:
        The new version's folder, `repository/<number>`.

    Raises:
        InputError: The backend is not TensorFlow, or there are too few samples.
        CommandError: The exported model predicts otherwise; nothing is left behind.

    Example:
        >>> import tempfile
        >>> from captcha_keras.networks.registry import build_network
        >>> spec = CaptchaSpec("AB", 2, 2, width=32, height=32)
        >>> samples = [tf.io.encode_png(np.full((32, 32, 3), 30 * grey, np.uint8)).numpy() for grey in range(7)]
        >>> version = export_saved_model(build_network("vgg", spec), spec, tempfile.mkdtemp(), samples)
        >>> version.name, (version / "saved_model.pb").exists()
        ('1', True)
    """
    repository = Path(repository)
    require_tensorflow("A SavedModel")
    if len(samples) < max(BATCH_SIZES):
        raise InputError(f"The exported model is checked on at least {max(BATCH_SIZES)} images, got {len(samples)}.")
    repository.mkdir(parents=True, exist_ok=True)
    _sweep(repository)
    # TF Serving loads folders whose name is a number, so it ignores this one.
    temporary = repository / f".tmp-{os.getpid()}"
    try:
        write_signatures(network, spec, temporary)
        for name, content in (assets or {}).items():
            (temporary / SAVED_MODEL_SPEC).with_name(name).write_bytes(content)
        write_json(temporary / SAVED_MODEL_SPEC, spec.to_json())
        write_warmup(temporary / WARMUP_FILE, model_name, [samples[:size] for size in BATCH_SIZES])
        check_saved_model(temporary, network, spec, samples)
        version = repository / str(_next_version(repository))
        temporary.rename(version)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return version


def _sweep(repository: Path) -> None:
    """Remove the folders that killed exports have left; an export under way keeps its own."""
    for folder in repository.glob(".tmp-*"):
        process = folder.name.removeprefix(".tmp-")
        if process.isdecimal() and not Path("/proc", process).exists():
            shutil.rmtree(folder, ignore_errors=True)


def require_tensorflow(what: str) -> None:
    """Refuse to export with another Keras backend than TensorFlow.

    Args:
        what: What is exported, for the message.

    Raises:
        InputError: Keras does not run on TensorFlow.

    Example:
        >>> require_tensorflow("A SavedModel")
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(f"{what} is written by the TensorFlow backend; unset KERAS_BACKEND.")


def _next_version(repository: Path) -> int:
    """One more than the latest version, or 1."""
    return 1 + max((int(path.name) for path in repository.iterdir() if path.name.isdecimal()), default=0)


def check_saved_model(version: Path, network: keras.Model, spec: CaptchaSpec, samples: Sequence[bytes]) -> None:
    """Compare the predictions of an exported model and of the network, at two batch sizes; `export_saved_model` does.

    Args:
        version: The folder of the exported model.
        network: The network that it was exported from.
        spec: The network's spec.
        samples: Contents of PNG or JPEG files.

    Raises:
        CommandError: A probability differs by more than 1e-5, or a text differs, with or without limits.

    Example:
        >>> from captcha_keras.networks.registry import build_network
        >>> from captcha_keras.recognizer.formats import read_spec
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> version = pretrained_path("captcha") / "1"
        >>> spec = read_spec(version)
        >>> samples = [tf.io.encode_png(np.zeros((spec.height, spec.width, 3), np.uint8)).numpy()]
        >>> check_saved_model(version, build_network("vgg", spec), spec, samples)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        captcha_keras.errors.CommandError: The exported model's probabilities differ from Keras' by ...
    """
    served = tf.saved_model.load(str(version)).signatures
    pixels = decode_images(tf.constant(list(samples)), spec.width, spec.height, spec.keep_aspect)[0]
    expected = {head: np.asarray(value) for head, value in network(pixels, training=False).items()}
    class_ids = np.stack([expected[head].argmax(axis=-1) for head in spec.head_names], axis=1)
    texts = spec.decode_all(class_ids)
    half, shortest = spec.alphabet[::2], str(spec.min_length)
    limits = list(islice(cycle([("", ""), (half, ""), ("", shortest), (half, shortest)]), len(samples)))
    for size in BATCH_SIZES:
        for first in range(0, len(samples), size):
            part = slice(first, first + size)
            content = tf.constant(list(samples[part]))
            probabilities = served["probabilities"](image_bytes=content)
            worst = max(_distance(probabilities[head], expected[head][part]) for head in spec.head_names)
            if not worst <= TOLERANCE:
                raise CommandError(f"The exported model's probabilities differ from Keras' by {worst:.2g}.")
            answer = served["serving_default"](image_bytes=content)["text"].numpy()
            if [text.decode() for text in answer] != texts[part]:
                raise CommandError("The exported model reads other texts than Keras.")
            _check_limited(served["limited"], spec, content, limits[part], probabilities)


def _check_limited(
    limited: Callable[..., Tensors],
    spec: CaptchaSpec,
    content: tf.Tensor,
    limits: Sequence[tuple[str, str]],
    probabilities: Tensors,
) -> None:
    """Compare with the limits of a recognizer, set on what the exported model finds without limits.

    Not on what Keras finds: where little is left, its last digits become large differences.
    """
    alphabets, lengths = zip(*limits, strict=True)
    answer = limited(image_bytes=content, alphabet=tf.constant(alphabets), length=tf.constant(lengths))
    stacked = np.stack([probabilities[head].numpy() for head in spec.head_names], axis=1)
    mask = np.stack([limit_mask(spec, alphabet or None, length or None) for alphabet, length in limits])
    expected = predictions_from(limit_probabilities(stacked, mask), spec)
    worst = _distance(answer["char_confidence"], np.array([each.char_confidence for each in expected]))
    texts = [text.decode() for text in answer["text"].numpy()]
    if not worst <= TOLERANCE or texts != [each.text for each in expected]:
        raise CommandError("The exported model limits its answers otherwise than a recognizer.")


def _distance(ours: tf.Tensor, theirs: NDArray[np.float32]) -> float:
    return float(np.abs(ours.numpy() - theirs).max())


def write_signatures(network: keras.Model, spec: CaptchaSpec, folder: Path) -> None:
    """Write the SavedModel with its four signatures, unchecked and without the spec.

    Args:
        network: As in `export_saved_model`.
        spec: The network's spec.
        folder: The folder of the SavedModel.

    Example:
        >>> from captcha_keras.networks.registry import build_network
        >>> spec, folder = CaptchaSpec("AB", 2, 2, width=32, height=32), Path("exported")
        >>> write_signatures(build_network("vgg", spec), spec, folder)
        >>> sorted(tf.saved_model.load(str(folder)).signatures)
        ['images', 'limited', 'probabilities', 'serving_default']
    """
    heads = spec.head_names
    classes = tf.constant(spec.classes)

    def probabilities(image_bytes: tf.Tensor) -> Tensors:
        images, valid = decode_images(image_bytes, spec.width, spec.height, spec.keep_aspect)
        mask = tf.cast(valid, tf.float32)[:, tf.newaxis]
        outputs = network(images, training=False)
        return {**{head: outputs[head] * mask for head in heads}, "valid": valid}

    def positions(image_bytes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        answer = probabilities(image_bytes)
        return tf.stack([answer[head] for head in heads], axis=1), answer["valid"]

    def read(image_bytes: tf.Tensor) -> Tensors:
        return likeliest(*positions(image_bytes))

    def limited(image_bytes: tf.Tensor, alphabet: tf.Tensor, length: tf.Tensor) -> Tensors:
        found, valid = positions(image_bytes)
        mask, possible = limit_masks(spec, alphabet, length)
        valid &= possible
        return likeliest(apply_limits(found, mask) * tf.cast(valid, tf.float32)[:, tf.newaxis, tf.newaxis], valid)

    def likeliest(stacked: tf.Tensor, valid: tf.Tensor) -> Tensors:
        characters = tf.gather(classes, tf.argmax(stacked, axis=-1))
        char_confidence = tf.reduce_max(stacked, axis=-1)
        text = tf.strings.reduce_join(characters, axis=-1)
        return {
            "text": tf.where(valid, text, ""),
            "confidence": tf.reduce_prod(char_confidence, axis=-1),
            "char_confidence": char_confidence,
            "valid": valid,
        }

    def images(image: tf.Tensor) -> Tensors:
        outputs: Tensors = network(image, training=False)
        return {head: outputs[head] for head in heads}

    row, alphabet, length = (
        tf.TensorSpec([None], tf.string, name=name) for name in ("image_bytes", "alphabet", "length")
    )
    pixels = tf.TensorSpec([None, spec.height, spec.width, 3], tf.uint8, name="image")
    endpoints: dict[str, tuple[Callable[..., Tensors], Sequence[tf.TensorSpec]]] = {
        "serving_default": (read, [row]),
        "limited": (limited, [row, alphabet, length]),
        "probabilities": (probabilities, [row]),
        "images": (images, [pixels]),
    }
    # Not `keras.export.ExportArchive`, which writes every variable twice (Keras 3.15).
    served = tf.Module()
    served.weights = [variable.value for variable in network.variables]
    # Without XLA, which the server lacks, and without autograph, which nothing here needs.
    signatures = {
        name: tf.function(function, autograph=False).get_concrete_function(*inputs)
        for name, (function, inputs) in endpoints.items()
    }
    tf.saved_model.save(served, str(folder), signatures)
    (folder / SAVED_MODEL_SPEC).parent.mkdir(exist_ok=True)
