"""One version of an exported model in memory."""

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

Arrays = Mapping[str, NDArray[Any]]


def load_model(version: Path) -> ServedModel:
    """Load a version and warm it up.

    Raises:
        CommandError: It cannot be loaded or does not run.
        InputError: It is no exported model.
    """
    model = ServedModel(version)
    model.warm_up()
    return model


@dataclass(frozen=True)
class Input:
    """An input of a signature.

    Attributes:
        dtype: Its TensorFlow type.
        shape: Its sizes, None where any will do; the first is the number of rows.
    """

    dtype: tf.DType
    shape: tuple[int | None, ...]


class ServedModel:
    """A version's signatures, ready to be called from any thread.

    Args:
        version: The folder of the version; its name is the version's number.

    Raises:
        CommandError: It cannot be loaded, or lacks a signature.
    """

    def __init__(self, version: Path) -> None:
        self.path = version
        self.version = int(version.name)
        self.spec = read_spec(version)
        try:
            self._loaded = tf.saved_model.load(str(version))
        except Exception as error:  # TensorFlow raises many kinds on a damaged file
            raise CommandError(f"{version} cannot be loaded: {error}") from error
        missing = set(SIGNATURES) - set(self._loaded.signatures)
        if missing:
            raise CommandError(f"{version} has no signature {sorted(missing)[0]!r}.")
        self._functions = {name: self._loaded.signatures[name] for name in SIGNATURES}

    def warm_up(self) -> None:
        """Call every signature, so that no user waits for what a first call sets up.

        Raises:
            CommandError: One fails.
        """
        files = np.array([b"", b""], object)
        pixels = np.zeros((2, self.spec.height, self.spec.width, 3), np.uint8)
        try:
            for rows in (1, 2):
                self.run("probabilities", {"image_bytes": files[:rows]})
                self.run(DEFAULT_SIGNATURE, {"image_bytes": files[:rows]})
                self.run("images", {"image": pixels[:rows]})
        except Exception as error:  # a model that loads may still lack an operation of this machine
            raise CommandError(f"{self.path} does not run: {error}") from error

    @cached_property
    def meta_graph(self) -> Any:
        """The `MetaGraphDef`, which holds the signatures as TF Serving's metadata shows them."""
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
        given = self._functions[name].structured_input_signature[1]
        return {key: Input(spec.dtype, tuple(spec.shape.as_list())) for key, spec in given.items()}

    def outputs(self, signature: str) -> tuple[str, ...]:
        """The names of a signature's outputs."""
        return tuple(self._functions[signature or DEFAULT_SIGNATURE].structured_outputs)

    def check(self, signature: str, arrays: Arrays) -> None:
        """Refuse inputs that the signature does not take.

        Raises:
            RequestError: A name, type or shape differs.
        """
        expected = self.inputs(signature)
        if set(arrays) != set(expected):
            given, taken = sorted(arrays), sorted(expected)
            raise invalid(
                f"input size does not match signature: {len(given)}!={len(taken)} len({{{','.join(given)}}}) != "
                f"len({{{','.join(taken)}}}). Sent extra: {{{','.join(sorted(set(given) - set(taken)))}}}. "
                f"Missing but required: {{{','.join(sorted(set(taken) - set(given)))}}}."
            )
        for number, (name, taken_input) in enumerate(expected.items()):
            array = arrays[name]
            found = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
            if found != taken_input.dtype:
                raise invalid(f"Expects arg[{number}] to be {taken_input.dtype.name} but {found.name} is provided")
            shape = taken_input.shape
            fits = len(array.shape) == len(shape) and all(
                size is None or size == given for size, given in zip(shape, array.shape, strict=True)
            )
            if not fits:
                sizes = ["N" if size is None else str(size) for size in shape]
                raise invalid(f"{name} must have the shape [{', '.join(sizes)}], got {list(array.shape)}.")

    def run(self, signature: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Call a signature with inputs that `check` let pass."""
        outputs = self._functions[signature or DEFAULT_SIGNATURE](
            **{name: tf.constant(array) for name, array in arrays.items()}
        )
        return {name: value.numpy() for name, value in outputs.items()}
