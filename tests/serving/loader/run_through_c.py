"""Loads a version through TensorFlow's C API, in a process that never imports Python's TensorFlow, and runs signatures.

Usage: run_through_c.py LIBRARIES VERSION FOLDER < signatures.json > answers.json

The signatures name their tensors: {"serving_default": {"inputs": {"image_bytes": "x:0"}, "outputs": {"text": "y:0",
…}}, …}. FOLDER holds the rows, files named 0, 1, 2, …, and the limits of all rows, files named `alphabet` and `length`.
Answers: {"serving_default": {"text": [values of each row]}}, bytes as hexadecimals.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys
from pathlib import Path

TF_FLOAT, TF_STRING, TF_BOOL = 1, 7, 10
STRING_BYTES = 24  # sizeof(TF_TString)


class Output(ctypes.Structure):
    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


class Runtime:
    def __init__(self, libraries: Path, version: Path) -> None:
        ctypes.CDLL(str(libraries / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
        self.tf = ctypes.CDLL(str(libraries / "libtensorflow_cc.so.2"), ctypes.RTLD_GLOBAL)
        for name in (
            "TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel", "TF_AllocateTensor",
            "TF_TensorData", "TF_GraphOperationByName",
        ):  # fmt: skip
            getattr(self.tf, name).restype = ctypes.c_void_p
        for name in ("TF_Message", "TF_StringGetDataPointer"):
            getattr(self.tf, name).restype = ctypes.c_void_p
        for name in ("TF_StringGetSize", "TF_TensorElementCount", "TF_Dim"):
            getattr(self.tf, name).restype = ctypes.c_int64
        self.status = ctypes.c_void_p(self.tf.TF_NewStatus())
        self.graph = ctypes.c_void_p(self.tf.TF_NewGraph())
        tags = (ctypes.c_char_p * 1)(b"serve")
        session = self.tf.TF_LoadSessionFromSavedModel(
            ctypes.c_void_p(self.tf.TF_NewSessionOptions()), None, str(version).encode(), tags, 1, self.graph, None,
            self.status,
        )  # fmt: skip
        self.check()
        self.session = ctypes.c_void_p(session)

    def check(self) -> None:
        if self.tf.TF_GetCode(self.status):
            raise SystemExit(ctypes.string_at(self.tf.TF_Message(self.status)).decode())

    def output(self, name: str) -> Output:
        operation, index = name.rsplit(":", 1)
        found = self.tf.TF_GraphOperationByName(self.graph, operation.encode())
        if not found:
            raise SystemExit(f"no operation {operation}")
        return Output(found, int(index))

    def strings(self, rows: list[bytes]) -> ctypes.c_void_p:
        dims = (ctypes.c_int64 * 1)(len(rows))
        size = ctypes.c_size_t(STRING_BYTES * len(rows))
        tensor = ctypes.c_void_p(self.tf.TF_AllocateTensor(TF_STRING, dims, 1, size))
        data = self.tf.TF_TensorData(tensor)
        for number, row in enumerate(rows):
            place = ctypes.c_void_p(data + STRING_BYTES * number)
            self.tf.TF_StringInit(place)
            self.tf.TF_StringCopy(place, row, ctypes.c_size_t(len(row)))
        return tensor

    def run(self, columns: dict[str, list[bytes]], signature: dict[str, object]) -> dict[str, list[object]]:
        names, given = list(signature["outputs"]), list(signature["inputs"])
        inputs = (Output * len(given))(*(self.output(signature["inputs"][name]) for name in given))
        outputs = (Output * len(names))(*(self.output(signature["outputs"][name]) for name in names))
        values = (ctypes.c_void_p * len(given))(*(self.strings(columns[name]) for name in given))
        results = (ctypes.c_void_p * len(names))()
        self.tf.TF_SessionRun(
            self.session, None, inputs, values, len(given), outputs, results, len(names), None, 0, None, self.status
        )
        self.check()
        return {
            name: self.values(ctypes.c_void_p(result), len(columns["image_bytes"]))
            for name, result in zip(names, results, strict=True)
        }

    def values(self, tensor: ctypes.c_void_p, rows: int) -> list[object]:
        count = self.tf.TF_TensorElementCount(tensor)
        data = self.tf.TF_TensorData(tensor)
        kind = self.tf.TF_TensorType(tensor)
        if kind == TF_FLOAT:
            flat = list(struct.unpack(f"{count}f", ctypes.string_at(data, 4 * count)))
        elif kind == TF_BOOL:
            flat = [bool(value) for value in ctypes.string_at(data, count)]
        else:
            places = [ctypes.c_void_p(data + STRING_BYTES * number) for number in range(count)]
            flat = [
                ctypes.string_at(self.tf.TF_StringGetDataPointer(place), self.tf.TF_StringGetSize(place)).hex()
                for place in places
            ]
        each = count // rows
        return flat if each == 1 else [flat[row * each : (row + 1) * each] for row in range(rows)]


def main() -> None:
    libraries, version, folder = map(Path, sys.argv[1:])
    rows = [(folder / str(number)).read_bytes() for number in range(len(list(folder.glob("[0-9]*"))))]
    limits = {name: [(folder / name).read_bytes()] * len(rows) for name in ("alphabet", "length")}
    columns = {"image_bytes": rows, **limits}
    runtime = Runtime(libraries, version)
    answers = {name: runtime.run(columns, signature) for name, signature in json.load(sys.stdin).items()}
    assert "tensorflow" not in sys.modules
    json.dump(answers, sys.stdout)


main()
