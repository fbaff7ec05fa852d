"""Training on single characters: cut, learn, read whole CAPTCHAs, also as an ONNX file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import data_gen
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.errors import InputError
from captcha_keras.evaluation.images import images_to_evaluate
from captcha_keras.export.portable import export_onnx
from captcha_keras.networks.segmentation import Cutter
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.characters import cut_characters, write_characters
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.trainer import train
from data_gen.style import PRESETS

SPEC = CaptchaSpec("0X7", 3, 3, 130, 60)


@pytest.fixture(scope="module")
def separated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "separated"
    settings = data_gen.Settings(data_gen.Series(SPEC, 8, style=PRESETS["separated"]), 200)
    data_gen.generate_dataset(settings, folder, engine=data_gen.processes(1))
    return folder


@pytest.fixture(scope="module")
def characters(tmp_path_factory: pytest.TempPathFactory, separated: Path) -> Path:
    folder = tmp_path_factory.mktemp("characters") / "characters"
    write_characters(cut_characters(open_dataset(separated).images(SPEC), SPEC, Cutter(30)), folder)
    return folder


def config(data: Path, characters: Path | None, **more: object) -> TrainConfig:
    return TrainConfig(
        str(data),
        "segmented_lenet",
        None if characters is None else str(characters),
        epochs=3,
        batch_size=16,
        warmup_steps=10,
        augmentation=None,
        precision="float32",
        **more,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, separated: Path, characters: Path) -> RunFolder:
    run = RunFolder(tmp_path_factory.mktemp("runs") / "characters")
    train(config(separated, characters), run)
    return run


def right(run: RunFolder, fresh: int = 100) -> float:
    data = images_to_evaluate(run, fresh=fresh, fresh_seed=99)
    probabilities = Recognizer.load(run.path).probabilities(data.images)
    return float((probabilities.argmax(-1) == data.labels).all(axis=1).mean())


def test_what_single_characters_taught_reads_new_captchas(run: RunFolder, characters: Path) -> None:
    record = run.read_record()
    assert record["characters"]["folder"] == str(characters)
    assert record["characters"]["images"] >= 580
    # The data set's texts have three characters; as few as one may be found.
    assert run.read_spec() == CaptchaSpec("07X", 1, 3, 130, 60)
    assert right(run) >= 0.9


def test_new_images_are_as_the_data_sets(run: RunFolder) -> None:
    data = images_to_evaluate(run, fresh=20, fresh_seed=99)
    assert np.all(data.labels < 3)  # never "no character"


def test_captchas_themselves_teach_the_same_network(tmp_path: Path, separated: Path) -> None:
    run = RunFolder(tmp_path / "run")
    train(config(separated, None), run)
    assert "characters" not in run.read_record()
    assert run.read_spec().length == "1-3"
    assert right(run) >= 0.9


def test_the_file_for_onnx_runtime_cuts_too(run: RunFolder, tmp_path: Path) -> None:
    data = images_to_evaluate(run, fresh=40, fresh_seed=98)
    result = export_onnx(run.load_network(), run.read_spec(), tmp_path / "m.onnx", data)
    assert result.exported_right == result.network_right >= 36
    blank = np.full((60, 130, 3), 255, np.uint8)
    (prediction,) = Recognizer.load(tmp_path / "m.onnx").read([blank])
    assert prediction.text == ""


def test_a_resumed_run_must_find_its_characters(run: RunFolder, separated: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    data = open_dataset(separated).images(SPEC, indices=np.arange(100))
    write_characters(cut_characters(data, SPEC, Cutter(30)), other)
    with pytest.raises(InputError, match=r"other is not the data set that .* was trained on"):
        train(config(separated, other), run, resume=True)


def test_what_cannot_teach_is_refused(tmp_path: Path, separated: Path, characters: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with pytest.raises(InputError, match="is for networks that cut images into characters, not 'vgg'"):
        train(TrainConfig(str(separated), "vgg", str(characters)), run)
    with pytest.raises(InputError, match="has texts of 1-3 characters, expected single ones"):
        train(config(separated, separated), run)
    few = tmp_path / "few"
    few.mkdir()
    for name in "0X":
        (few / name).symlink_to(characters / name)
    with pytest.raises(InputError, match=r"few has no 7, which .*separated has"):
        train(config(separated, few), run)
    assert not run.path.exists()


def test_weights_need_a_loss_that_allows_for_them(tmp_path: Path, drawn: Path) -> None:
    settings = TrainConfig(str(drawn), "single_head", fresh_images=True, weights={"0": 2})
    with pytest.raises(InputError, match="The loss of 'single_head' cannot allow for characters that are drawn more"):
        train(settings, RunFolder(tmp_path / "run"))


def test_the_record_reads_back(run: RunFolder, characters: Path) -> None:
    assert run.read_config().characters == str(characters)
    assert json.loads(run.config_file.read_text())["settings"]["characters"] == str(characters)
