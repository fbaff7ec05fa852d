from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from captcha_keras.cli.export import main as export
from captcha_keras.cli.predict import main as predict
from captcha_keras.dataset.images import decode_image
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.errors import CommandError, InputError
from captcha_keras.export.portable import ExportCheck, export_litert, export_onnx
from captcha_keras.recognizer.recognizer import Recognizer
from tests.lively import FILES, SPEC, lively_network

PIXELS = np.stack([decode_image(content) for content in FILES])
NETWORK = lively_network()
EXPECTED = Recognizer(NETWORK.predict_on_batch, SPEC).probabilities(PIXELS)
# The network reads the first five right, as these labels have it, and misreads the others.
LABELS = np.where(np.arange(8)[:, None] < 5, EXPECTED.argmax(-1), (EXPECTED.argmax(-1) + 1) % SPEC.num_classes)
SAMPLES = LabelledImages(PIXELS, LABELS.astype(np.int32))
# An untrained network's choices are close, and 8 bits turn some: it has nothing to lose on these.
MISREAD = LabelledImages(PIXELS, ((EXPECTED.argmax(-1) + 1) % SPEC.num_classes).astype(np.int32))
Export = Callable[[Path], ExportCheck]

EXPORTS: dict[str, Export] = {
    "a.onnx": lambda path: export_onnx(NETWORK, SPEC, path, SAMPLES),
    "a.tflite": lambda path: export_litert(NETWORK, SPEC, path, SAMPLES),
    "quantised.tflite": lambda path: export_litert(NETWORK, SPEC, path, MISREAD, quantised=True),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, ExportCheck]:
    return {name: export(folder / name) for name, export in EXPORTS.items()}


@pytest.mark.parametrize("name", EXPORTS)
def test_a_file_reads_as_the_network_does(name: str, folder: Path, results: dict[str, ExportCheck]) -> None:
    recognizer = Recognizer.load(folder / name)
    assert recognizer.spec == SPEC
    found = recognizer.probabilities(PIXELS)
    exact = name != "quantised.tflite"
    np.testing.assert_allclose(found, EXPECTED, atol=1e-4 if exact else 0.2)
    np.testing.assert_allclose(recognizer.probabilities(PIXELS[:1]), found[:1], atol=1e-5)
    result = results[name]
    assert (result.count, result.network_right) == (8, 5 if exact else 0)
    assert result.worst == pytest.approx(float(np.abs(found - EXPECTED).max()), abs=1e-6)
    if exact:
        assert result.exported_right == 5
        assert result.worst <= 1e-4
    else:
        assert result.worst > 1e-5


def test_the_alphabet_is_inside(folder: Path, results: dict[str, ExportCheck]) -> None:
    model = onnx.load(folder / "a.onnx")
    assert {entry.key for entry in model.metadata_props} == {"captcha_keras.spec"}
    assert "0OXé" in model.metadata_props[0].value
    assert [given.name for given in model.graph.input] == ["image"]
    assert [output.name for output in model.graph.output] == list(SPEC.head_names)
    with zipfile.ZipFile(folder / "a.tflite") as archive:
        assert "0OXé" in archive.read("spec.json").decode()


def test_quantised_weights_are_a_quarter(folder: Path, results: dict[str, ExportCheck]) -> None:
    sizes = [(folder / name).stat().st_size for name in ("quantised.tflite", "a.tflite")]
    assert sizes[0] < 0.35 * sizes[1]


@pytest.mark.parametrize("name", ["a.onnx", "a.tflite"])
def test_no_file_is_overwritten(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("mine")
    with pytest.raises(InputError, match=r"is there already; name another file with --to"):
        EXPORTS[name](path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["a.onnx", "a.tflite"])
def test_a_file_that_reads_otherwise_is_not_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        """What is compared with is not what was exported."""

        export = NETWORK.export
        variables = NETWORK.variables

        def __call__(self, *arguments: Any, **words: Any) -> Any:
            return NETWORK(*arguments, **words)

        predict_on_batch = lively_network(seed=1).predict_on_batch

    export = export_onnx if name.endswith("onnx") else export_litert
    with pytest.raises(CommandError, match=r"probabilities differ from the network's by 0\.\d"):
        export(Other(), SPEC, str(tmp_path / name), SAMPLES)
    assert not list(tmp_path.iterdir())
    # A quantised one is measured by what it loses.
    monkeypatch.setattr("captcha_keras.export.portable.TOLERANCE", 2.0)
    right = LabelledImages(PIXELS, Recognizer(Other().predict_on_batch, SPEC).probabilities(PIXELS).argmax(-1))
    with pytest.raises(CommandError, match=r"reads \d of 8 images right, the network \d"):
        export(Other(), SPEC, tmp_path / name, right)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"junk", FILES[0]])
@pytest.mark.parametrize("ending", [".onnx", ".tflite"])
def test_what_is_no_such_file_is_one_sentence(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    with pytest.raises(InputError, match=r"cannot be read: No such file or directory\."):
        Recognizer.load(path)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is no (ONNX|LiteRT) file of captcha-keras"):
        Recognizer.load(path)


def test_a_file_of_others_is_refused(tmp_path: Path) -> None:
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    shape = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "g", shape[:1], shape[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"is no ONNX file of captcha-keras: 'captcha_keras\.spec'"):
        Recognizer.load(tmp_path / "a.onnx")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("other", "x")
    (tmp_path / "a.tflite").write_bytes(archive.getvalue())
    with pytest.raises(InputError, match=r"is no LiteRT file of captcha-keras"):
        Recognizer.load(tmp_path / "a.tflite")


@pytest.mark.parametrize("name", ["a.onnx", "a.tflite"])
def test_predict_needs_no_tensorflow(name: str, folder: Path, results: dict[str, ExportCheck], tmp_path: Path) -> None:
    for index, content in enumerate(FILES[:3]):
        (tmp_path / f"{index}.jpg").write_bytes(content)
    code = (
        "import sys\nfor name in ('tensorflow', 'keras', 'pandas', 'tf2onnx', 'onnx'): sys.modules[name] = None\n"
        "from captcha_keras.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    )
    images = [str(tmp_path / f"{index}.jpg") for index in range(3)]
    result = subprocess.run(
        [sys.executable, "-c", code, "predict", "--model", str(folder / name), *images],
        capture_output=True,
        text=True,
        check=True,
    )
    texts = [line.split("\t")[1] for line in result.stdout.splitlines()]
    assert texts == SPEC.decode_all(EXPECTED[:3].argmax(-1))


def test_missing_packages_are_named(
    monkeypatch: pytest.MonkeyPatch, folder: Path, results: dict[str, ExportCheck], tmp_path: Path
) -> None:
    for package, name, extra in (
        ("onnxruntime", "a.onnx", "onnx"),
        ("ai_edge_litert.interpreter", "a.tflite", "litert"),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(InputError, match=rf"pip install 'captcha-keras\[{extra}\]'"):
            Recognizer.load(folder / name)
    with pytest.raises(InputError, match=r"pip install 'captcha-keras\[onnx\]'"):
        EXPORTS["a.onnx"](tmp_path / "b.onnx")


def test_the_command_refuses_wrong_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert export(["--quantised"]) == 2
    assert capsys.readouterr().err == "--quantised goes with --format litert, not with saved_model.\n"
    assert predict(["--model", str(tmp_path / "a.onnx"), str(tmp_path)]) == 2
