"""The network that a training starts from."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from captcha_keras.errors import InputError
from captcha_keras.export.saved_model import export_saved_model
from captcha_keras.networks.registry import build_network
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.initial import load_initial
from captcha_keras.training.job import check_job
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.trainer import train
from captcha_keras.training.transfer import transfer_weights
from data_gen import Series

VERSION = Path(__file__).parents[2] / "models" / "captcha" / "1"


def short(data: Path, **more: object) -> TrainConfig:
    return TrainConfig(str(data), epochs=1, steps_per_epoch=1, batch_size=4, learning_rate=1e-9, **more)


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(VERSION, folder / "1"))


def test_an_exported_version_gives_the_network_that_it_was_made_of() -> None:
    network, spec = load_initial(VERSION)
    assert spec == CaptchaSpec()
    source = Series(seed=4).source()
    images = np.stack([source.draw(index).pixels for index in range(5)])
    expected = Recognizer.load(VERSION).probabilities(images)
    found = network.predict_on_batch(images)
    for position, head in enumerate(spec.head_names):
        np.testing.assert_allclose(found[head], expected[:, position], rtol=0, atol=1e-6)
    assert expected.max() > 0.9


def test_a_version_a_run_and_its_file_start_alike(drawn: Path, tmp_path: Path) -> None:
    run, config = RunFolder(tmp_path / "run"), short(drawn)
    run.path.mkdir()
    run.write_record(check_job(config, run).record())
    build_network(config.network, run.read_spec()).save(run.best_model)
    samples = [path.read_bytes() for path in sorted((drawn / "images").iterdir())[:7]]
    version = export_saved_model(
        run.load_network(),
        run.read_spec(),
        tmp_path / "served",
        samples,
        assets={run.config_file.name: run.config_file.read_bytes()},
    )
    networks = [load_initial(path) for path in (run.path, run.best_model, version)]
    for network, spec in networks:
        assert spec == run.read_spec()
        for ours, theirs in zip(network.get_weights(), networks[0][0].get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_what_an_exported_version_learned_is_kept_for_other_texts_and_sizes(tmp_path: Path) -> None:
    network, spec = load_initial(VERSION)
    other = CaptchaSpec("0OX", 5, 6, 200, 60)
    target = build_network("vgg", other)
    transfer_weights(network, spec, target, other)
    np.testing.assert_array_equal(target.get_layer("block4_conv2").kernel, network.get_layer("block4_conv2").kernel)


def test_a_resumed_run_does_not_need_what_it_started_from(drawn: Path, tmp_path: Path) -> None:
    version = copied(tmp_path)
    run = train(short(drawn, initial_model=str(version)), tmp_path / "run")
    shutil.rmtree(version)
    run.last_model.unlink()
    assert train(run.read_config(), run, resume=True).finished
    with pytest.raises(InputError, match="1 is no run folder"):
        train(run.read_config(), tmp_path / "new")


def damage_weights(version: Path) -> None:
    with (version / "variables" / "variables.data-00000-of-00001").open("r+b") as file:
        file.truncate(1000)


def rename_network(version: Path) -> None:
    record = RunFolder(version / "assets").read_record()
    record["settings"]["network"] = "vgg_wide"
    RunFolder(version / "assets").write_record(record)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda version: (version / "assets" / "config.json").unlink(),
            "1 does not say how it was trained: it has no ",
        ),
        (lambda version: (version / "assets" / "config.json").write_text("{"), "config.json is no readable JSON file"),
        (damage_weights, "1 cannot be loaded: "),
        (rename_network, "1 cannot be loaded: "),
    ],
    ids=["no record", "damaged record", "damaged weights", "another network"],
)
def test_a_version_that_cannot_be_read_is_refused(tmp_path: Path, change: object, message: str) -> None:
    version = copied(tmp_path)
    change(version)
    with pytest.raises(InputError, match=message):
        load_initial(version)


def test_a_saved_model_of_another_program_is_refused(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "1"))
    with pytest.raises(InputError, match="1 does not say how it was trained: it has no assets"):
        load_initial(tmp_path / "1")
