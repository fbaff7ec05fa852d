"""A version of an exported model in memory, as the server calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captcha_keras.errors import CommandError
from captcha_keras.recognizer.formats import read_spec
from captcha_keras.serving.errors import Code, RequestError, invalid

DEFAULT_SIGNATURE = "serving_default"
SIGNATURES = (DEFAULT_SIGNATURE, "probabilities", "images")
# Versions that were exported by captcha-keras 0.1 lack it.
OPTIONAL_SIGNATURES = ("limited",)

Arrays = Mapping[str, NDArray[Any]]


def load_model(version: Path) -> ServedModel:
    """Load a version and warm it up.

    Raises:
        CommandError: The version cannot be loaded or does not run.
        InputError: The folder is no exported model.

    Example:
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> model = load_model(pretrained_path("captcha") / "1")
        >>> model.version, sorted(model.outputs("serving_default"))
        (1, ['char_confidence', 'confidence', 'text', 'valid'])
    """
    model = ServedModel(version)
    model.warm_up()
    return model


@dataclass(frozen=True)
class Input:
    """The type and shape of a signature's input.

    Attributes:
        dtype: The TensorFlow type.
        shape: The sizes, None for any size; the first is the number of rows.

    Example:
        >>> Input(tf.uint8, (None, 80, 170, 3)).dtype.name
        'uint8'
    """

    dtype: tf.DType
    shape: tuple[int | None, ...]


class ServedModel:
    """A loaded version, whose signatures may be called from any thread.

    Args:
        version: The folder of the version; its name is the version's number.

    Attributes:
        path: The folder of the version.
        version: The version's number.
        spec: The spec of its images.

    Raises:
        CommandError: The version cannot be loaded, or lacks a signature.
        InputError: The folder is no exported model.

    Example:
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> model = ServedModel(pretrained_path("captcha") / "1")
        >>> model.version, model.inputs("images")["image"].shape
        (1, (None, 80, 170, 3))
    """

    def __init__(self, version: Path) -> None:
        self.path = version
        self.version = int(version.name)
        self.spec = read_spec(version)
        try:
            self._loaded = tf.saved_model.load(str(version))
        except Exception as error:  # TensorFlow raises many kinds on a damaged file
            raise CommandError(f"{version} cannot be loaded: {error}") from error
        found = self._loaded.signatures
        missing = set(SIGNATURES) - set(found)
        if missing:
            raise CommandError(f"{version} has no signature {sorted(missing)[0]!r}.")
        self._functions = {name: found[name] for name in (*SIGNATURES, *OPTIONAL_SIGNATURES) if name in found}
        self._inputs = {
            name: {
                key: Input(given.dtype, tuple(given.shape.as_list()))
                for key, given in function.structured_input_signature[1].items()
            }
            for name, function in self._functions.items()
        }

    def warm_up(self) -> None:
        """Call every signature once, for the first call of each takes longer.

        Raises:
            CommandError: A call fails.
        """
        try:
            for signature in self._functions:
                for rows in (1, 2):
                    self.run(signature, {name: _blank(rows, given) for name, given in self.inputs(signature).items()})
        except Exception as error:  # a model may load and still need an operation that this machine lacks
            raise CommandError(f"{self.path} does not run: {error}") from error

    @cached_property
    def meta_graph(self) -> Any:
        """The `MetaGraphDef`, whose signatures TF Serving's metadata show."""
        from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

        return SavedModel.FromString((self.path / "saved_model.pb").read_bytes()).meta_graphs[0]

    def inputs(self, signature: str) -> dict[str, Input]:
        """The inputs of a signature, by name; "" is the default signature.

        Raises:
            RequestError: There is no such signature.
        """
        name = signature or DEFAULT_SIGNATURE
        if name not in self._functions:
            raise RequestError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        return self._inputs[name]

    def outputs(self, signature: str) -> tuple[str, ...]:
        """The names of a signature's outputs."""
        return tuple(self._functions[signature or DEFAULT_SIGNATURE].structured_outputs)

    def check(self, signature: str, arrays: Arrays) -> None:
        """Check that inputs fit a signature.

        Raises:
            RequestError: There is no such signature, or a name, type or shape differs.
        """
        expected = self.inputs(signature)
        if set(arrays) != set(expected):
            given, needed = sorted(arrays), sorted(expected)
            raise invalid(
                f"input size does not match signature: {len(given)}!={len(needed)} len({{{','.join(given)}}}) != "
                f"len({{{','.join(needed)}}}). Sent extra: {{{','.join(sorted(set(given) - set(needed)))}}}. "
                f"Missing but required: {{{','.join(sorted(set(needed) - set(given)))}}}."
            )
        for index, (name, wanted) in enumerate(expected.items()):
            array = arrays[name]
            dtype = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
            if dtype != wanted.dtype:
                raise invalid(f"Expects arg[{index}] to be {wanted.dtype.name} but {dtype.name} is provided")
            fits = array.ndim == len(wanted.shape) and all(
                size in (None, found) for size, found in zip(wanted.shape, array.shape, strict=True)
            )
            if not fits:
                sizes = ["N" if size is None else str(size) for size in wanted.shape]
                raise invalid(f"{name} must have the shape [{', '.join(sizes)}], got {list(array.shape)}.")

    def run(self, signature: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Call a signature with inputs that `check` accepts; returns its outputs by name."""
        outputs = self._functions[signature or DEFAULT_SIGNATURE](
            **{name: tf.constant(array) for name, array in arrays.items()}
        )
        return {name: value.numpy() for name, value in outputs.items()}


def _blank(rows: int, given: Input) -> NDArray[Any]:
    """Empty files, no limits, black pixels."""
    shape = [rows, *(size or 1 for size in given.shape[1:])]
    return np.full(shape, b"" if given.dtype == tf.string else 0, given.dtype.as_numpy_dtype)
