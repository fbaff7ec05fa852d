"""`captcha-keras audit` as a user types it: what is wrong is one sentence."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import data_gen
from captcha_keras.audit import engine
from captcha_keras.audit.engine import Engine
from captcha_keras.audit.readers import reader
from captcha_keras.cli import audit
from captcha_keras.spec import CaptchaSpec
from tests.audit.results import made_up
from tests.cli.test_compare_and_cut import call


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workplace")
    (folder / "wrong.toml").write_text("noise_dotes = 3")
    (folder / "tiny.toml").write_text("width = 6\nheight = 6")
    (folder / "empty").mkdir()
    unlabelled = folder / "unlabelled"
    unlabelled.mkdir()
    for name in ("a b c", "…", "picture (1)"):
        Image.new("RGB", (60, 30), "white").save(unlabelled / f"{name}.png")
    half = folder / "half"
    data_gen.generate_dataset(
        data_gen.Settings(data_gen.Series(CaptchaSpec("01", 2, 2, 60, 30), 1), 40), half, engine=data_gen.processes(1)
    )
    for path in sorted((half / "images").iterdir()):
        path.rename(half / path.name)
    (half / "images").rmdir()
    (half / "dataset.json").unlink()
    lines = (half / "labels.txt").read_text().splitlines()
    (half / "labels.txt").write_text("\n".join(lines[:20]) + "\n")
    return folder


def visible(folder: Path) -> list[str]:
    # matplotlib keeps its font cache in the home folder, which this is.
    return sorted(path.name for path in folder.glob("[!.]*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Name what to audit: either SETTINGS.toml (or a preset), or --images DIR."),
        (["library", "--images", "empty"], "Name what to audit"),
        (["none.toml"], "none.toml cannot be read: No such file or directory."),
        (["fancy"], "The style must be library, separated or a .toml file, got 'fancy'."),
        (["wrong.toml"], "wrong.toml has unknown noise_dotes"),
        (["library", "--alphabet", "digits"], "--alphabet is for --images"),
        (["library", "--fail-if-read-above", "50"], "--fail-if-read-above must be a fraction from 0 to 1, got 50."),
        (["library", "--seed", "-1"], "--seed must be at least 0, got -1."),
        (["library", "--ray-address", "x:1"], "--ray-address needs --engine ray."),
        (["library", "--gpu", "--engine", "ray"], "--gpu is for this machine"),
        (["library", "--engine", "ray", "--ray-address", "nowhere"], "The address of a Ray cluster must look like"),
        (["tiny.toml"], "Images of 6x6 are too small for the network 'vgg'"),
        (["--images", "nowhere"], "nowhere"),
        (["--images", "empty"], "empty"),
        (["--images", "unlabelled"], "unlabelled"),
        (["--images", "half"], "half"),
    ],
)
def test_wrong_use_is_one_sentence_and_writes_nothing(workplace: Path, words: list[str], message: str) -> None:
    before = visible(workplace)
    result = call("audit", *words, cwd=workplace)
    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert visible(workplace) == before


def test_half_labelled_images_are_counted(workplace: Path) -> None:
    message = call("audit", "--images", "half", cwd=workplace).stderr
    assert "20" in message
    assert "40" in message


def test_changes_may_be_left_out(tmp_path: Path) -> None:
    words = ("-m", "captcha_keras", "audit", "library", "--budget", "standard", "--to", str(tmp_path / "audit"))
    for option, expected in ((), 16_000), (("--no-changes",), None):
        with subprocess.Popen([sys.executable, *words, *option], stderr=subprocess.DEVNULL) as process:
            settings = tmp_path / "audit" / "settings.json"
            deadline = time.monotonic() + 120
            while not settings.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            process.kill()
        assert json.loads(settings.read_text())["budget"]["sweep"] == expected
        shutil.rmtree(tmp_path / "audit")


@pytest.mark.parametrize(
    ("limit", "status"),
    [
        ("0.1", 3),
        ("0.29", 0),  # 30 % are read, but not surely more than 29 %
        ("0.4", 0),
    ],
)
def test_reading_too_much_has_an_exit_status_of_its_own(
    limit: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def here(*, gpu: bool) -> Engine:
        return lambda trials, seen: ((trial, made_up(trial, 0.3)) for trial in trials)

    monkeypatch.setattr(engine, "here", here)
    monkeypatch.setattr(reader, "known_readers", tuple)
    words = ["library", "--budget", "small", "--to", str(tmp_path / "audit"), "--fail-if-read-above", limit]
    assert audit.main(words) == status
    message = capsys.readouterr().err
    assert (
        ("vgg from random weights, trained on" in message) == ("--fail-if-read-above allows" in message) == bool(status)
    )


@pytest.mark.long
def test_an_audit_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "easy.toml").write_text(
        'base = "separated"\nlength = 1\nalphabet = "OX"\nwidth = 48\nheight = 40\nfont_sizes = [28]\n'
    )
    arguments = ("audit", "easy.toml", "--budget", "small")
    first = call(*arguments, "--fail-if-read-above", "0.5", cwd=tmp_path)
    assert first.returncode == 3, first.stderr
    assert "of new images, more than the 50.0% that --fail-if-read-above allows." in first.stderr
    findings = json.loads((tmp_path / "runs" / "audit-easy" / "audit.json").read_text("utf-8"))
    # All is read at the smallest number of samples: the others are left out.
    assert [point["samples"] for point in findings["points"]] == [1000]
    second = call(*arguments, "--fail-if-read-above", "1", cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert "Broken: vgg from random weights, trained on 1,000 labelled images, reads at least" in second.stdout
    other: subprocess.CompletedProcess[str] = call(*arguments, "--seed", "1", cwd=tmp_path)
    assert other.returncode == 2
    assert "runs/audit-easy holds an audit with another subject.seed (0, not 1); choose another --to." in other.stderr
