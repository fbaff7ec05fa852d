from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from captcha_keras.dataset.images import decode_image
from captcha_keras.errors import CommandError, InputError
from captcha_keras.export.saved_model import check_saved_model, export_saved_model
from captcha_keras.export.warmup import prediction_log
from captcha_keras.recognizer.formats import read_spec
from captcha_keras.recognizer.locate import find_model
from captcha_keras.recognizer.recognizer import Recognizer
from tests.image_files import encoded
from tests.lively import FILES, SPEC, lively_network


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = tmp_path_factory.mktemp("models") / "captcha"
    return export_saved_model(lively_network(), SPEC, repository, FILES, assets={"config.json": b"{}"})


def answers(version: Path, signature: str, **inputs: tf.Tensor) -> dict[str, np.ndarray]:
    loaded = tf.saved_model.load(str(version))
    return {name: value.numpy() for name, value in loaded.signatures[signature](**inputs).items()}


def test_the_signatures_are_those_of_the_contract(version: Path) -> None:
    signatures = tf.saved_model.load(str(version)).signatures
    heads = {name: ([None, SPEC.num_classes], tf.float32) for name in SPEC.head_names}
    texts = {
        "text": ([None], tf.string),
        "confidence": ([None], tf.float32),
        "char_confidence": ([None, 3], tf.float32),
        "valid": ([None], tf.bool),
    }
    rows = dict.fromkeys(("image_bytes", "alphabet", "length"), ([None], tf.string))
    expected = {
        "serving_default": ({"image_bytes": ([None], tf.string)}, texts),
        "limited": (rows, texts),
        "probabilities": ({"image_bytes": ([None], tf.string)}, {**heads, "valid": ([None], tf.bool)}),
        "images": ({"image": ([None, 64, 96, 3], tf.uint8)}, heads),
    }
    assert set(signatures) == set(expected)
    for name, (inputs, outputs) in expected.items():
        given = signatures[name].structured_input_signature[1]
        assert {key: (spec.shape.as_list(), spec.dtype) for key, spec in given.items()} == inputs
        found = signatures[name].structured_outputs
        assert {key: (spec.shape.as_list(), spec.dtype) for key, spec in found.items()} == outputs


def test_all_signatures_answer_as_the_network_does(version: Path) -> None:
    pixels = np.stack([decode_image(content) for content in FILES])
    expected = {head: np.asarray(value) for head, value in lively_network()(pixels, training=False).items()}
    by_pixels = answers(version, "images", image=tf.constant(pixels))
    by_bytes = answers(version, "probabilities", image_bytes=tf.constant(FILES))
    for head in SPEC.head_names:
        np.testing.assert_allclose(by_pixels[head], expected[head], atol=1e-5)
        np.testing.assert_allclose(by_bytes[head], expected[head], atol=1e-5)
    served = answers(version, "serving_default", image_bytes=tf.constant(FILES))
    stacked = np.stack([expected[head] for head in SPEC.head_names], axis=1)
    assert [text.decode() for text in served["text"]] == SPEC.decode_all(stacked.argmax(-1))
    np.testing.assert_allclose(served["char_confidence"], stacked.max(-1), atol=1e-5)
    np.testing.assert_allclose(served["confidence"], stacked.max(-1).prod(-1), atol=1e-5)


def test_a_bad_row_is_empty_and_changes_no_other_row(version: Path) -> None:
    good = answers(version, "serving_default", image_bytes=tf.constant(FILES[:3]))
    mixed = answers(version, "serving_default", image_bytes=tf.constant([FILES[0], b"junk", *FILES[2:3]]))
    assert mixed["valid"].tolist() == [True, False, True]
    assert mixed["text"][1] == b""
    assert mixed["confidence"][1] == 0
    assert not mixed["char_confidence"][1].any()
    for name in ("text", "confidence", "char_confidence"):
        np.testing.assert_array_equal(mixed[name][[0, 2]], good[name][[0, 2]])
    heads = answers(version, "probabilities", image_bytes=tf.constant([b"", FILES[0]]))
    assert not any(heads[head][0].any() for head in SPEC.head_names)


def limited(version: Path, rows: list[tuple[bytes, str, str]]) -> dict[str, np.ndarray]:
    columns = zip(("image_bytes", "alphabet", "length"), zip(*rows, strict=True), strict=True)
    return answers(version, "limited", **{name: tf.constant(column) for name, column in columns})


def test_limits_are_those_of_a_recognizer(version: Path) -> None:
    kinds = list(product(("", "0", "X0", "éé", "0OXé"), ("", "1", "2", "03", "1-2", "2-3", "1-3")))
    answer = limited(version, [(content, *kind) for kind in kinds for content in FILES[:4]])
    assert answer["valid"].all()
    recognizer = Recognizer(lively_network().predict_on_batch, SPEC)
    expected = []
    for alphabet, length in kinds:
        expected += recognizer.read(FILES[:4], alphabet=alphabet or None, length=length or None)
    assert [text.decode() for text in answer["text"]] == [prediction.text for prediction in expected]
    np.testing.assert_allclose(answer["confidence"], [each.confidence for each in expected], atol=1e-5)
    np.testing.assert_allclose(answer["char_confidence"], [each.char_confidence for each in expected], atol=1e-5)
    assert len(set(answer["text"])) > 12


def test_impossible_limits_are_invalid_and_change_no_other_row(version: Path) -> None:
    good = limited(version, [(FILES[0], "0X", "2")] * 2 + [(FILES[1], "", "")] * 10)
    wrong = [("0?", ""), ("", "4"), ("", "0-3"), ("", "3-2"), ("", "two"), ("", "9" * 30), ("é", "5"), (" ", "-")]
    rows = [(FILES[0], "0X", "2"), (b"junk", "0X", "2"), *((FILES[1], *limits) for limits in wrong)]
    mixed = limited(version, [*rows, (b"junk", "0?", "4"), (FILES[1], "", "")])
    assert mixed["valid"].tolist() == [True] + [False] * 10 + [True]
    assert set(mixed["text"][1:11]) == {b""}
    assert not mixed["confidence"][1:11].any()
    assert not mixed["char_confidence"][1:11].any()
    for values, before in zip(mixed.values(), good.values(), strict=True):
        np.testing.assert_array_equal(values[[0, 11]], before[[0, 11]])


def test_proportions_are_kept_if_the_spec_has_it(version: Path, tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, keep_aspect=True)
    keeping = export_saved_model(lively_network(), spec, tmp_path, FILES)
    assert read_spec(keeping) == spec
    wide = [encoded(Image.fromarray(decode_image(content)).resize((400, 80))) for content in FILES]
    kept, stretched = (answers(path, "serving_default", image_bytes=tf.constant(wide)) for path in (keeping, version))
    for answer, path in ((kept, keeping), (stretched, version)):
        # Decoding differs from Pillow's by rounding.
        expected = [prediction.char_confidence for prediction in Recognizer.load(path).read(wide)]
        np.testing.assert_allclose(answer["char_confidence"], expected, atol=0.05)
    assert np.abs(kept["char_confidence"] - stretched["char_confidence"]).max() > 0.1


def test_the_spec_and_the_given_files_come_along(version: Path) -> None:
    assert read_spec(version) == SPEC
    assert (version / "assets" / "config.json").read_bytes() == b"{}"
    with pytest.raises(InputError, match=r"is no exported model: it has no assets/spec\.json"):
        read_spec(version.parent)


def test_versions_count_up_and_leave_others_alone(version: Path, tmp_path: Path) -> None:
    repository = tmp_path / "captcha"
    (repository / "9").mkdir(parents=True)
    (repository / "notes").mkdir()
    (repository / "9" / "mine").write_text("kept")
    assert export_saved_model(lively_network(), SPEC, repository, FILES) == repository / "10"
    assert (repository / "9" / "mine").read_text() == "kept"
    assert sorted(path.name for path in repository.iterdir()) == ["10", "9", "notes"]


def test_a_model_that_reads_otherwise_is_refused(version: Path, tmp_path: Path) -> None:
    check_saved_model(version, lively_network(), SPEC, FILES)
    with pytest.raises(CommandError, match="probabilities differ from Keras'"):
        check_saved_model(version, lively_network(seed=1), SPEC, FILES)


def test_a_model_that_limits_otherwise_is_refused(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "captcha_keras.export.saved_model.limit_probabilities", lambda probabilities, mask: probabilities
    )
    with pytest.raises(CommandError, match="limits its answers otherwise than a recognizer"):
        check_saved_model(version, lively_network(), SPEC, FILES)


def test_a_failure_leaves_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise CommandError("no")

    monkeypatch.setattr("captcha_keras.export.saved_model.check_saved_model", fail)
    with pytest.raises(CommandError, match="no"):
        export_saved_model(lively_network(), SPEC, tmp_path, FILES)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="at least 7 images, got 2"):
        export_saved_model(lively_network(), SPEC, tmp_path, FILES[:2])


def test_warmup_requests_are_read_by_the_servers_own_messages(version: Path) -> None:
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    path = version / "assets.extra" / "tf_serving_warmup_requests"
    records = [PredictionLog.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    requests = [record.predict_log.request for record in records]
    names = [request.model_spec.signature_name for request in requests]
    assert names == ["serving_default"] * 2 + ["limited"] * 2 + ["probabilities"] * 2
    assert {request.model_spec.name for request in requests} == {"captcha"}
    rows = [list(tf.make_ndarray(request.inputs["image_bytes"])) for request in requests]
    assert rows == [FILES[:1], FILES[:7]] * 3
    loaded = tf.saved_model.load(str(version))
    for record in records:
        request = record.predict_log.request
        signature, inputs = request.model_spec.signature_name, request.inputs
        columns = {name: list(tensor.string_val) for name, tensor in inputs.items()}
        answer = loaded.signatures[signature](**{name: tf.constant(column) for name, column in columns.items()})
        assert answer["valid"].numpy().all()
        # Canonical bytes: nothing unknown was skipped.
        assert PredictionLog.FromString(prediction_log("captcha", signature, columns)) == record


def test_the_recognizer_reads_a_version_and_its_repository(version: Path) -> None:
    pixels = [decode_image(content) for content in FILES]
    expected = Recognizer(lively_network().predict_on_batch, SPEC).read(pixels)
    for path in (version, version.parent):
        found = Recognizer.load(path).read(pixels)
        assert [prediction.text for prediction in found] == [prediction.text for prediction in expected]
        assert found[0].confidence == pytest.approx(expected[0].confidence, abs=1e-5)


def test_a_damaged_version_is_one_sentence(version: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "1"
    shutil.copytree(version, damaged)
    (damaged / "saved_model.pb").write_bytes(b"junk")
    with pytest.raises(InputError, match="1 cannot be loaded"):
        Recognizer.load(damaged)


def test_a_process_without_keras_serves_it(version: Path, tmp_path: Path) -> None:
    for index, content in enumerate(FILES):
        (tmp_path / f"{index}").write_bytes(content)
    program = """
import json, pathlib, sys
sys.modules["keras"] = None
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
rows = [(pathlib.Path(sys.argv[2]) / str(index)).read_bytes() for index in range(8)]
print(json.dumps([text.decode() for text in model.signatures["serving_default"](tf.constant(rows))["text"].numpy()]))
"""
    result = subprocess.run(
        [sys.executable, "-c", program, str(version), str(tmp_path)], capture_output=True, text=True, check=True
    )
    expected = Recognizer.load(version).read([decode_image(content) for content in FILES])
    assert json.loads(result.stdout) == [prediction.text for prediction in expected]


def test_the_latest_version_is_found(tmp_path: Path) -> None:
    for name in ("2", "10", "x", ".tmp-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "11").mkdir()
    assert find_model(tmp_path).path == tmp_path / "10"
    assert find_model(tmp_path).exported
    assert find_model(tmp_path / "2").path == tmp_path / "2"
    assert find_model(tmp_path / "2").run.path == tmp_path / "2" / "assets"
    (tmp_path / "best.keras").touch()
    found = find_model(tmp_path / "best.keras")
    assert (found.path, found.file, found.exported) == (tmp_path, tmp_path / "best.keras", False)
