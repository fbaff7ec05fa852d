"""The commands as a user types them, on a small data set; one process each."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.dataset.test_dataset import damage

ROOT = Path(__file__).parents[2]


def call(script: str, *words: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / script), *map(str, words)]
    # As a user's shell has it: no quiet level set by the tests.
    inherited = {k: v for k, v in os.environ.items() if k not in ("TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES")}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env={**inherited, **environment}, check=False
    )


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    """A folder with a data set and a finished run in it."""
    folder = tmp_path_factory.mktemp("workplace")
    shutil.copytree(drawn, folder / "data" / "captcha")
    damage(folder / "damaged", drawn)
    words = ["--epochs", "2", "--batch-size", "16", "--warmup-steps", "2", "--run", "runs/one"]
    result = call("train.py", *words, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "Trained." in result.stdout
    return folder


def test_training_leaves_a_whole_run_folder(workplace: Path) -> None:
    run = workplace / "runs" / "one"
    names = {path.name for path in run.iterdir()}
    assert names == {"config.json", "history.csv", "checkpoint", "best.keras", "model.keras", "curves.png"}
    record = json.loads((run / "config.json").read_text())
    assert record["settings"]["epochs"] == 2
    assert record["spec"]["alphabet"] == "0OX"
    assert record["environment"]["dtype_policy"] in ("float32", "mixed_bfloat16")
    assert record["environment"]["packages"]["keras"]
    with (run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])
    with Image.open(run / "curves.png") as picture:
        assert picture.width > 500


def test_evaluation_prints_a_table_and_writes_a_report(workplace: Path) -> None:
    result = call("evaluate.py", cwd=workplace)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "runs/one on the 12 test images of data/captcha:"
    assert any(line.startswith("images, 0 and O merged") for line in lines)
    report = workplace / "runs" / "one" / "evaluation"
    names = {path.name for path in report.iterdir()}
    assert names == {"evaluation.json", "predictions.csv", "confusion.png", "errors.png"}
    figures = json.loads((report / "evaluation.json").read_text())
    with (report / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert sum(row["right"] == "True" for row in rows) == figures["images"]["right"]
    for row in rows:
        assert (row["text"] == row["prediction"]) == (row["right"] == "True")
        product = float(row["char_0_confidence"]) * float(row["char_1_confidence"])
        assert float(row["confidence"]) == pytest.approx(product, abs=2e-5)


def test_texts_of_digits_keep_their_leading_zeros_in_the_report(workplace: Path) -> None:
    call("evaluate.py", "--split", "all", "--report", "all", cwd=workplace)
    with (workplace / "all" / "predictions.csv").open() as file:
        texts = {row["text"] for row in csv.DictReader(file)}
    assert "00" in texts
    assert {len(text) for text in texts} == {2}


def test_evaluation_of_fresh_images_and_of_another_folder(workplace: Path, tmp_path: Path) -> None:
    result = call("evaluate.py", "--fresh", 20, "--json", "--report", tmp_path / "r", cwd=workplace)
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["images"]["total"] == 20
    assert json.loads((tmp_path / "r" / "evaluation.json").read_text())["images"] == figures["images"]
    # Another size and layout: two images named by their text.
    for text in ("0X", "O0"):
        path = tmp_path / "other" / f"{text}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (100, 60), "white").save(path)
    other = call("evaluate.py", "--data", tmp_path / "other", "--json", cwd=workplace)
    assert json.loads(other.stdout)["images"]["total"] == 2


def test_predict_prints_a_line_an_image(workplace: Path) -> None:
    images = workplace / "data" / "captcha" / "images"
    words = [images / "00000.jpg", images / "00001.jpg"]
    result = call("captcha_keras/__main__.py", "predict", *words, cwd=workplace, PYTHONPATH=str(ROOT))
    assert result.returncode == 0, result.stderr
    assert result.stderr == "Read by runs/one; --model names another.\n"
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert [line[0] for line in lines] == [str(word) for word in words]
    assert all(set(line[1]) <= set("0OX") and 0 < float(line[2]) <= 1 for line in lines)
    broken = workplace / "broken.png"
    broken.write_bytes(b"x")
    words = ["predict", "--json", broken, images / "00000.jpg", "--model", "runs/one/best.keras"]
    partly = call("captcha_keras/__main__.py", *words, cwd=workplace, PYTHONPATH=str(ROOT))
    assert partly.returncode == 2
    prediction = json.loads(partly.stdout)
    assert prediction["text"] == lines[0][1]
    assert len(prediction["char_confidence"]) == 2
    assert "broken.png is no complete PNG or JPEG image" in partly.stderr


def test_an_exported_version_is_evaluated_and_reads_as_its_run(workplace: Path) -> None:
    def command(*words: object) -> subprocess.CompletedProcess[str]:
        return call("captcha_keras/__main__.py", *words, cwd=workplace, PYTHONPATH=str(ROOT))

    exported = command("export", "--run", "runs/one", "--to", "served/zero")
    assert exported.returncode == 0, exported.stderr
    assert re.fullmatch(r"served/zero/1: \d+\.\d MB, reads 64 new images as runs/one does .*\n", exported.stdout)
    for name in ("config.json", "history.csv"):
        assert (workplace / "served/zero/1/assets" / name).read_bytes() == (workplace / "runs/one" / name).read_bytes()
    figures = []
    for model in ("runs/one", "served/zero"):
        result = command("evaluate", "--model", model, "--json", "--report", f"report-{Path(model).name}")
        assert result.returncode == 0, result.stderr
        figures.append({k: v for k, v in json.loads(result.stdout).items() if k not in ("model", "seconds_per_image")})
    assert figures[0] == figures[1]
    assert command("evaluate", "--model", "served/zero", "--fresh", "20").returncode == 0
    assert (workplace / "runs" / "zero-1" / "evaluation" / "evaluation.json").exists()
    assert [path.name for path in (workplace / "served" / "zero").iterdir()] == ["1"]
    again = command("export", "--run", "served/zero/1", "--to", "served/again")
    assert again.returncode == 0, again.stderr
    assert "reads 64 new images as served/zero/1 does" in again.stdout
    samples = [str(path) for path in (workplace / "data" / "captcha" / "images").iterdir()][:20]
    readings = [command("predict", *samples, "--model", f"served/{name}/1").stdout for name in ("zero", "again")]
    assert readings[0] == readings[1]
    assert len(readings[0].splitlines()) == 20
    for name in ("config.json", "history.csv"):
        assert (workplace / "served/again/1/assets" / name).read_bytes() == (workplace / "runs/one" / name).read_bytes()
    unfinished = command("export", "--run", "runs/none", "--to", "served/none")
    assert unfinished.returncode == 2
    assert unfinished.stderr.startswith("runs/none is no run folder")
    assert not (workplace / "served" / "none").exists()


@pytest.mark.parametrize(
    ("script", "words", "status", "message"),
    [
        ("train.py", ["--gpu"], 2, "--gpu asks for a GPU and the tensorflow backend sees none."),
        ("train.py", ["--data", "none"], 2, "none is no folder"),
        ("train.py", ["--network", "resnet"], 2, "There is no network 'resnet'; choose one of vgg, vgg_wide"),
        ("train.py", ["--network", "mathematica"], 2, "Images of 64x40 are too small for the network 'mathematica'"),
        ("train.py", ["--alphabet", "0X"], 2, "outside the alphabet '0X'"),
        ("train.py", ["--data", "damaged"], 2, "damaged has 11 bad entries:"),
        (
            "train.py",
            ["--labels", "109"],
            2,
            "Of 120 images 12 are for the test, so 2 to 108 can count as labelled",
        ),
        ("train.py", ["--size", "64"], 2, "--size must look like 200x64, got '64'."),
        ("train.py", ["--from", "none"], 2, "none is no run folder: it has no config.json."),
        ("train.py", ["--run", "runs/one"], 2, "runs/one is not empty; --resume it"),
        ("train.py", ["--resume", "--epochs", "9"], 2, "A resumed run keeps its settings; leave out --epochs."),
        ("train.py", ["--resume"], 2, "There is no unfinished run in runs/ to resume."),
        ("train.py", ["--resume", "--run", "data"], 2, "data is no run folder"),
        ("train.py", ["--tensorboard"], 2, "--tensorboard needs the package tensorboard"),
        ("train.py", ["--epochs", "many"], 2, "invalid int value: 'many'"),
        ("evaluate.py", ["--gpu"], 2, "--gpu asks for a GPU and the tensorflow backend sees none."),
        ("evaluate.py", ["--model", "data"], 2, "data is no run folder"),
        ("evaluate.py", ["--fresh", "5", "--split", "all"], 2, "--fresh draws its own images"),
        ("evaluate.py", ["--fresh", "5", "--fresh-seed", "3"], 2, "Seed 3 drew the training images"),
        ("evaluate.py", ["--data", "none"], 2, "none is no folder"),
        ("data_gen.py", ["--count", "0"], 2, "The number of images must be at least 1, got 0."),
        ("data_gen.py", ["--length", "8-4"], 2, "the shortest first, got 8-4"),
        ("data_gen.py", ["--alphabet", "AA"], 2, "'A' more than once"),
        ("data_gen.py", ["--fonts", "none.ttf"], 2, "none.ttf is no readable TrueType font."),
        ("data_gen.py", ["--workers", "0"], 2, "The number of workers must be at least 1"),
        ("data_gen.py", ["--style", "fancy"], 2, "The style must be library, separated or a .toml file, got 'fancy'."),
        ("data_gen.py", ["--shard", "5/4"], 2, "The shard must be 1 to 4 of 4, got 5."),
        ("data_gen.py", ["--distinct", "--alphabet", "AB"], 2, "need an alphabet of at least as many, got 2"),
        ("data_gen.py", ["--preview", "sheet.gif"], 2, "The preview must be a .png file, got sheet.gif."),
        ("data_gen.py", ["--ray-address", "10.0.0.1:6379"], 2, "--ray-address needs --engine ray."),
        (
            "data_gen.py",
            ["--engine", "ray", "--ray-address", "127.0.0.1:1"],
            2,
            "There is no Ray cluster at 127.0.0.1:1",
        ),
        ("data_gen.py", ["--join", "none", "--output", "joined"], 2, "none/dataset.json is no readable JSON file"),
        ("data_gen.py", ["--join", "data/captcha", "--output", "joined"], 2, "data/captcha is no shard of a data set"),
        ("train.py", ["--weights", "0=5"], 2, "--weights needs --fresh-images."),
        ("train.py", ["--hard-characters"], 2, "--hard-characters needs --fresh-images."),
        ("train.py", ["--fresh-images", "--weights", "0"], 2, "Weights must look like 0=5,O=5, got '0'."),
        (
            "train.py",
            ["--fresh-images", "--weights", "Z=5"],
            2,
            "The weight of 'Z' is of no character of the alphabet.",
        ),
        ("data_gen.py", ["--count", "7"], 2, "holds a data set with other settings: alphabet is '0OX' there"),
    ],
)
def test_wrong_use_is_one_sentence(workplace: Path, script: str, words: list[str], status: int, message: str) -> None:
    before = sorted(workplace.rglob("*"))
    result = call(script, *words, cwd=workplace)
    assert result.returncode == status
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    # A run that could not start leaves no folder behind.
    assert [path for path in sorted(workplace.rglob("*")) if path not in before] == []


def test_a_moved_run_is_evaluated_elsewhere_and_foreign_data_is_not_its_test_set(
    workplace: Path, tmp_path: Path
) -> None:
    shutil.copytree(workplace / "runs" / "one", tmp_path / "moved")
    image = workplace / "data" / "captcha" / "images" / "00000.jpg"
    shutil.copy(image, tmp_path / "0X.jpg")
    refused = call("evaluate.py", "--model", "moved", "--data", ".", "--split", "test", cwd=tmp_path)
    assert refused.returncode == 2
    assert "its test images are unknown" in refused.stderr
    lost = call("evaluate.py", "--model", "moved", cwd=tmp_path)
    assert lost.returncode == 2
    assert "data/captcha is no folder" in lost.stderr
    found = call("evaluate.py", "--model", "moved", "--data", workplace / "data" / "captcha", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "on the 12 test images" in found.stdout


def test_a_resumed_run_refuses_other_data(workplace: Path) -> None:
    shutil.copytree(workplace / "runs" / "one", workplace / "other" / "run")
    (workplace / "other" / "run" / "model.keras").unlink()
    labels = workplace / "data" / "captcha" / "labels.txt"
    text = labels.read_text()
    try:
        labels.write_text(text.replace("X", "O", 1))
        result = call("train.py", "--resume", "--run", "other/run", cwd=workplace)
    finally:
        labels.write_text(text)
    assert result.returncode == 2
    assert "data/captcha is not the data set that other/run was trained on" in result.stderr


def test_no_run_and_no_data_is_one_sentence(tmp_path: Path) -> None:
    result = call("evaluate.py", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("data/captcha is no folder; expected a dataset drawn by data_gen.py")


@pytest.mark.parametrize(
    ("script", "words", "message"),
    [
        ("data_gen.py", ["--output", "many", "--count", "100000"], "What is drawn is kept"),
        (
            "train.py",
            ["--epochs", "900", "--stop-patience", "900", "--run", "runs/long"],
            "Every finished epoch is kept",
        ),
        ("evaluate.py", ["--fresh", "100000"], "The run is unchanged"),
    ],
)
def test_ctrl_c_is_one_sentence(workplace: Path, script: str, words: list[str], message: str) -> None:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / script), *words],
        cwd=workplace,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    time.sleep(9)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert output.splitlines()[-1].startswith("Interrupted. ")
    assert message in output
    assert "Traceback" not in output


def test_shards_of_two_machines_are_joined_by_the_command(tmp_path: Path) -> None:
    words = ["--count", "20", "--alphabet", "digits", "--width", "60", "--height", "40", "--workers", "1"]
    for shard in ("2/2", "1/2"):
        result = call("data_gen.py", *words, "--shard", shard, "--output", f"part{shard[0]}", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert f"holds shard {shard} of 20 images" in result.stdout
    main = "captcha_keras/__main__.py"
    joined = call(main, "generate", "--join", "part2", "part1", "--output", "all", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert joined.returncode == 0, joined.stderr
    assert joined.stdout == "all holds the 2 shards as one data set.\n"
    assert call("data_gen.py", *words, "--output", "all", cwd=tmp_path).stdout.startswith("all already held 20 images")


def test_a_preview_is_a_picture_and_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('base = "separated"\nforeground = [0, 60]\n')
    result = call("data_gen.py", "--style", "own.toml", "--preview", "sheets/one.png", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["one.png", "own.toml", "sheets"]
    with Image.open(tmp_path / "sheets" / "one.png") as picture:
        assert picture.size == (4 * 178 + 8, 6 * 110 + 8)
        assert len(picture.getcolors(10**6)) > 500


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    words = ["--count", "10000000", "--format", "tfrecord", "--shard", "2/4"]
    result = call("data_gen.py", *words, "--dry-run", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert re.match(
        r"2,50\d,\d{3} images in 61\d files, about \d\d\.\d GB; \d\.\d hours of one core like this one", result.stdout
    )
    assert list(tmp_path.iterdir()) == []


def test_usage() -> None:
    for words, status in ((["--help"], 0), ([], 2), (["guess"], 2)):
        result = call("captcha_keras/__main__.py", *words, cwd=ROOT, PYTHONPATH=str(ROOT))
        assert result.returncode == status
        assert "generate" in result.stdout + result.stderr
    version = call("captcha_keras/__main__.py", "--version", cwd=ROOT, PYTHONPATH=str(ROOT))
    assert version.stdout == "captcha-keras 0.2.0\n"
    helped = call("captcha_keras/__main__.py", "generate", "--help", cwd=ROOT, PYTHONPATH=str(ROOT))
    assert helped.stdout.startswith("usage: captcha-keras generate")
