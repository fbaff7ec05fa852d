"""The exported model in the hands of TF Serving's own loader: C++ and C, in processes without Python's TensorFlow.

`make test-serving` runs these; compiling against TensorFlow's headers takes a minute.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from captcha_keras.dataset.images import decode_image, fit
from captcha_keras.recognizer.formats import read_spec
from tests.image_files import BAD, GOOD

pytestmark = pytest.mark.serving

LOADER = Path(__file__).parent / "loader"
LIBRARIES = Path(tf.sysconfig.get_lib())
ROWS = [*GOOD.values(), *BAD.values()]
VALID = [True] * len(GOOD) + [False] * len(BAD)
# Of the signature that takes limits.
LIMITS = {"alphabet": "0é".encode(), "length": b"2-3"}


@pytest.fixture(scope="module")
def expected(model: Path) -> dict[str, dict[str, np.ndarray]]:
    """What Python's TensorFlow says, all rows together."""
    loaded = tf.saved_model.load(str(model)).signatures
    content = tf.constant(ROWS)
    limits = {name: tf.fill(len(ROWS), value) for name, value in LIMITS.items()}
    result = {
        name: {key: value.numpy() for key, value in loaded[name](image_bytes=content, **inputs).items()}
        for name, inputs in {"serving_default": {}, "limited": limits, "probabilities": {}}.items()
    }
    pixels = tf.constant(image(model)[np.newaxis])
    result["images"] = {key: value.numpy() for key, value in loaded["images"](image=pixels).items()}
    assert result["serving_default"]["valid"].tolist() == VALID
    return result


def image(model: Path) -> np.ndarray:
    spec = read_spec(model)
    return np.asarray(fit(decode_image(GOOD["png"]), spec.width, spec.height))


@pytest.fixture(scope="module")
def folder(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows as files."""
    folder = tmp_path_factory.mktemp("rows")
    write(folder, ROWS, model)
    return folder


def write(folder: Path, rows: list[bytes], model: Path) -> None:
    """Write what the programs read."""
    files = {**{str(number): content for number, content in enumerate(rows)}, **LIMITS}
    for name, content in {**files, "pixels": image(model).tobytes()}.items():
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C++ program, compiled against the headers and libraries of TensorFlow's wheel."""
    program = tmp_path_factory.mktemp("loader") / "load_and_run"
    flags = [*tf.sysconfig.get_compile_flags(), "-O1", "-w"]
    libraries = [f"-L{LIBRARIES}", "-Wl,--no-as-needed", "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"]
    subprocess.run(
        ["g++", *flags, str(LOADER / "load_and_run.cc"), "-o", str(program), *libraries, f"-Wl,-rpath,{LIBRARIES}"],
        check=True,
    )
    return program


def close(found: np.ndarray, expected: np.ndarray) -> None:
    if expected.dtype == np.float32:
        np.testing.assert_allclose(found, expected, atol=1e-5)
    else:
        np.testing.assert_array_equal(found, expected)


def parsed(value: str, like: np.ndarray) -> Any:
    """The values of a row as the C++ program writes them."""
    if like.dtype == object:
        return bytes.fromhex(value)
    if like.dtype == np.bool_:
        return value == "1"
    numbers = [struct.unpack("f", struct.pack("I", int(number)))[0] for number in value.split(",")]
    return numbers if like.ndim > 1 else numbers[0]


def test_cpp_runs_every_signature_as_python_does(
    program: Path, model: Path, folder: Path, expected: dict[str, dict[str, np.ndarray]]
) -> None:
    result = subprocess.run(
        [str(program), str(model), str(folder)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TF_XLA_FLAGS": "--tf_xla_auto_jit=-1"},
    )
    together = alone = 0
    for line in result.stdout.splitlines():
        signature, batch, row, *outputs = line.split(" ")
        values = dict(output.split("=") for output in outputs)
        assert set(values) == set(expected[signature])
        # Rows alone come in their order, one after the other.
        number = int(row) if batch != "1" or signature == "images" else alone % len(ROWS)
        alone += batch == "1" and signature != "images"
        together += batch == str(len(ROWS))
        for name, value in values.items():
            like = expected[signature][name]
            close(np.array([parsed(value, like)], like.dtype), like[number : number + 1])
    assert together == alone == (len(expected) - 1) * len(ROWS)


def test_bad_rows_leave_good_ones_alone_to_the_bit(program: Path, model: Path, tmp_path: Path) -> None:
    def texts(rows: list[bytes]) -> list[str]:
        write(tmp_path, rows, model)
        result = subprocess.run([str(program), str(model), str(tmp_path)], capture_output=True, text=True, check=True)
        return [line.split(" ", 3)[3] for line in result.stdout.splitlines() if f" {len(rows)} " in line]

    good = list(GOOD.values())[:6]
    before = texts([*good, good[0]])
    after = texts([*good, BAD["truncated png"]])
    assert len(before) == len(after) in (14, 21)
    for first in range(0, len(before), 7):
        assert before[first : first + 6] == after[first : first + 6]


def test_the_c_api_runs_the_string_signatures_as_python_does(
    model: Path, folder: Path, expected: dict[str, dict[str, np.ndarray]]
) -> None:
    graph = SavedModel.FromString((model / "saved_model.pb").read_bytes()).meta_graphs[0]
    names = [name for name in expected if name != "images"]
    signatures = {
        name: {
            "inputs": {key: info.name for key, info in graph.signature_def[name].inputs.items()},
            "outputs": {key: info.name for key, info in graph.signature_def[name].outputs.items()},
        }
        for name in names
    }
    result = subprocess.run(
        [sys.executable, str(LOADER / "run_through_c.py"), str(LIBRARIES), str(model), str(folder)],
        input=json.dumps(signatures),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(result.stdout)
    for name in names:
        assert set(answers[name]) == set(expected[name])
        for key, like in expected[name].items():
            found = (
                [bytes.fromhex(value) for value in answers[name][key]] if like.dtype == object else answers[name][key]
            )
            close(np.array(found, like.dtype), like)


def test_nothing_in_the_graph_needs_xla_or_python(model: Path) -> None:
    graph = SavedModel.FromString((model / "saved_model.pb").read_bytes()).meta_graphs[0]
    for function in graph.graph_def.library.function:
        assert not function.attr["_XlaMustCompile"].b
    operations = {node.op for function in graph.graph_def.library.function for node in function.node_def}
    operations |= {node.op for node in graph.graph_def.node}
    assert len(operations) > 20
    assert not {operation for operation in operations if operation.startswith(("Xla", "PyFunc", "EagerPyFunc"))}
