"""`captcha-keras cut` and `compare` as a user types them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import data_gen
from captcha_keras.cli.cut import parser
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.job import check_job
from captcha_keras.training.run_folder import RunFolder
from data_gen.style import PRESETS


def call(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "captcha_keras", *map(str, words)]
    root = str(Path(__file__).parents[2])
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": root, "HOME": str(cwd)}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workplace")
    spec = CaptchaSpec("0OX7", 3, 3, 130, 60)
    settings = data_gen.Settings(data_gen.Series(spec, 8, style=PRESETS["separated"]), 160)
    data_gen.generate_dataset(settings, folder / "separated", engine=data_gen.processes(1))
    return folder


def test_characters_are_cut_of_training_images_alone(workplace: Path) -> None:
    result = call("cut", "--data", "separated", "--to", "characters", cwd=workplace)
    assert result.returncode == 0, result.stderr
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["Decoding", "Writing"]
    cut = len(list((workplace / "characters").glob("*/*.png")))
    assert 3 * 120 <= cut <= 3 * 128  # of 160 images 32 are for validation and test
    assert result.stdout.splitlines()[-1] == f"characters holds {cut} characters of 4 classes."
    again = call("cut", "--data", "separated", "--to", "characters", cwd=workplace)
    assert (again.returncode, again.stderr) == (
        2,
        "characters is there already; name another folder with --to, or remove it.\n",
    )
    more = call("cut", "--data", "separated", "--to", "all", "--split", "all", "--per-class", 5, cwd=workplace)
    assert more.returncode == 0, more.stderr
    assert 3 * 152 + 20 <= len(list((workplace / "all").glob("*/*.png"))) <= 3 * 160 + 20
    with Image.open(workplace / "all" / "X" / "00000.png") as image:
        assert image.size == (40, 40)
    fractions = ["--validation-fraction", 0.25, "--test-fraction", 0.25]
    half = call("cut", "--data", "separated", "--to", "half", *fractions, cwd=workplace)
    assert half.returncode == 0, half.stderr
    assert 3 * 72 <= len(list((workplace / "half").glob("*/*.png"))) <= 3 * 80


def test_a_run_tells_which_images_it_was_not_trained_on(workplace: Path) -> None:
    run = RunFolder(workplace / "run")
    config = TrainConfig(str(workplace / "separated"), validation_fraction=0.25, test_fraction=0.25)
    run.path.mkdir()
    run.write_record(check_job(config, run).record())
    half = call("cut", "--data", "separated", "--run", "run", "--to", "by-run", cwd=workplace)
    assert half.returncode == 0, half.stderr
    assert 3 * 72 <= len(list((workplace / "by-run").glob("*/*.png"))) <= 3 * 80
    other = call("cut", "--data", "characters", "--run", "run", "--to", "none", cwd=workplace)
    assert other.returncode == 2
    assert "characters is not the data set that run was trained on." in other.stderr


def test_by_default_the_same_images_are_left_out_as_in_training() -> None:
    options = parser().parse_args([])
    trained = TrainConfig.validation_fraction, TrainConfig.test_fraction
    assert (options.validation_fraction, options.test_fraction) == trained


def test_touching_characters_are_counted_and_nothing_is_written(workplace: Path) -> None:
    spec = CaptchaSpec("0OX7", 3, 3, 130, 60)
    data_gen.generate_dataset(
        data_gen.Settings(data_gen.Series(spec, 8), 40), workplace / "library", engine=data_gen.processes(1)
    )
    shutil.rmtree(workplace / "few", ignore_errors=True)
    result = call("cut", "--data", "library", "--to", "few", cwd=workplace)
    assert "of 32 images: " in result.stdout
    assert "touching characters" in result.stdout or "too many parts" in result.stdout
    bad = call("cut", "--data", "library", "--to", "other", "--side", 0, cwd=workplace)
    assert (bad.returncode, bad.stderr) == (2, "--side must be at least 1, got 0.\n")


def test_networks_beside_each_other(workplace: Path) -> None:
    words = ["--data", "separated", "--epochs", 2, "--to", "runs/both"]
    first = call("compare", "segmented_lenet", "segmented_mlp", *words, cwd=workplace)
    assert first.returncode == 0, first.stderr
    assert {line.split(":")[0] for line in first.stderr.splitlines()} == {"Decoding"}
    lines = first.stdout.splitlines()
    table = lines[lines.index("On the 16 test images of separated:") + 2 :]
    assert [line.split()[0] for line in table[1:3]] == ["segmented_lenet", "segmented_mlp"]
    networks = json.loads((workplace / "runs/both/comparison.json").read_text())["networks"]
    assert [each["network"] for each in networks] == ["segmented_lenet", "segmented_mlp"]
    for each, line in zip(networks, table[1:], strict=False):
        assert each["evaluation"]["images"]["total"] == 16
        assert f"{each['parameters']:,}" in line
        assert each["epochs"] == 2
        assert each["bytes_on_disk"] > 100_000
    with Image.open(workplace / "runs/both/comparison.png") as picture:
        assert picture.width > 1000
    report = call("evaluate", "--model", "runs/both/segmented_mlp", cwd=workplace)
    assert report.returncode == 0, report.stderr
    with Image.open(workplace / "runs/both/segmented_mlp/evaluation/characters.png") as picture:
        assert picture.width > 1000
    for target in (["--format", "onnx", "--to", "m.onnx"], ["--to", "models/mlp"]):
        export = call("export", "--run", "runs/both/segmented_mlp", *target, cwd=workplace)
        assert export.returncode == 0, export.stderr
    images = sorted((workplace / "separated" / "images").iterdir())[:6]
    texts = [
        [line.split("\t")[1] for line in call("predict", "--model", model, *images, cwd=workplace).stdout.splitlines()]
        for model in ("runs/both/segmented_mlp", "m.onnx", "models/mlp")
    ]
    assert texts[0] == texts[1] == texts[2]
    assert {len(text) for text in texts[0]} == {3}
    # What is trained stays as it is, also named as a run.
    again = call("compare", "runs/both/segmented_lenet", "segmented_mlp", *words, "--fresh", 20, cwd=workplace)
    assert again.returncode == 0, again.stderr
    assert "Epoch" not in again.stdout
    assert "On 20 freshly drawn images, seed 1000003:" in again.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["resnet"], "There is no network 'resnet'; choose one of vgg, "),
        (
            ["vgg", "--characters", "characters"],
            "--characters is for networks that cut images, and none of these does.",
        ),
        (
            ["segmented_mlp", "--epochs", "3", "--to", "runs/both"],
            "was trained with other settings; choose another --to",
        ),
    ],
)
def test_wrong_use_is_one_sentence(workplace: Path, words: list[str], message: str) -> None:
    result = call("compare", *words, "--data", "separated", cwd=workplace)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
