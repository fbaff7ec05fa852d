from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from captcha_keras.errors import CommandError, InputError
from captcha_keras.spec import CaptchaSpec
from data_gen import GenerationError, Settings, generate
from data_gen.plan import first_difference
from tests.conftest import SmallDisk

ROOT = Path(__file__).parents[2]
SPEC = CaptchaSpec("0123456789", 2, 4, 60, 40)
SETTINGS = Settings(SPEC, 300, seed=4)


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one worker draws without interruption."""
    folder = tmp_path_factory.mktemp("reference") / "data"
    generate(SETTINGS, folder, workers=1)
    return contents(folder)


def test_a_finished_folder_holds_what_the_format_says(tmp_path: Path) -> None:
    assert generate(SETTINGS, tmp_path / "data", workers=1) is True
    description = json.loads((tmp_path / "data" / "dataset.json").read_text())
    assert description["count"] == 300
    assert description["spec"] == SPEC.to_json()
    assert description["fonts"][0]["name"] == "DroidSansMono.ttf"
    labels = (tmp_path / "data" / "labels.txt").read_bytes()
    assert description["sha256"]["labels"] == hashlib.sha256(labels).hexdigest()
    assert labels.count(b"\n") == 300
    images = sorted((tmp_path / "data" / "images").iterdir())
    assert [images[0].name, images[-1].name, len(images)] == ["00000.jpg", "00299.jpg", 300]
    together = hashlib.sha256(b"".join(path.read_bytes() for path in images)).hexdigest()
    assert description["sha256"]["images"] == together
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["dataset.json", "images", "labels.txt"]


def test_eight_workers_draw_the_same_bytes(tmp_path: Path, reference: dict[str, str]) -> None:
    generate(SETTINGS, tmp_path / "data", workers=8)
    assert contents(tmp_path / "data") == reference


def test_killed_at_random_moments_and_resumed_it_ends_with_the_same_bytes(
    tmp_path: Path, reference: dict[str, str]
) -> None:
    folder = tmp_path / "data"
    command = [sys.executable, "data_gen.py", "--output", str(folder), "--count", "300", "--seed", "4"]
    command += ["--alphabet", "digits", "--length", "2-4", "--width", "60", "--height", "40", "--workers", "2"]
    moments = random.Random(1)
    kills = 0
    while kills < 4:
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.2, 1.2))
        # Only the parent: its workers must notice and end by themselves.
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        _wait_for_group(process.pid)
        if (folder / "dataset.json").exists():
            break
    assert kills > 0
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    assert contents(folder) == reference


def _wait_for_group(group: int) -> None:
    """Wait until no process of a group is left; fails if its workers outlive the parent."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("workers outlived their killed parent by ten seconds")


def test_resume_draws_only_what_is_missing(tmp_path: Path, reference: dict[str, str]) -> None:
    folder = tmp_path / "data"
    generate(SETTINGS, folder, workers=1)
    description = folder / "dataset.json"
    plan = {k: v for k, v in json.loads(description.read_text()).items() if k != "sha256"}
    (folder / "plan.json").write_text(json.dumps(plan))
    description.unlink()
    kept = folder / "images" / "00005.jpg"
    before = kept.stat().st_mtime_ns
    (folder / "images" / "00006.jpg").unlink()
    (folder / "images" / ".tmp-1-00007.jpg").write_bytes(b"half")
    reports: list[int] = []
    generate(SETTINGS, folder, workers=1, progress=lambda done, total: reports.append(done) or reports.append)
    assert reports == [299, 300]
    assert kept.stat().st_mtime_ns == before
    assert contents(folder) == reference


def test_a_finished_folder_is_left_alone(tmp_path: Path) -> None:
    generate(SETTINGS, tmp_path / "data", workers=1)
    before = contents(tmp_path / "data")
    assert generate(SETTINGS, tmp_path / "data") is False
    assert contents(tmp_path / "data") == before


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Settings(SPEC, 301, 4), "count is 300 there and 301 here"),
        (Settings(SPEC, 300, 5), "seed is 4 there and 5 here"),
        (Settings(SPEC, 300, 4, "png"), "image_format is 'jpeg' there and 'png' here"),
        (Settings(CaptchaSpec("0123456789", 2, 4, 61, 40), 300, 5), "width is 60 there and 61 here"),
    ],
)
def test_mixed_settings_are_refused(tmp_path: Path, other: Settings, message: str) -> None:
    generate(SETTINGS, tmp_path / "data", workers=1)
    before = contents(tmp_path / "data")
    with pytest.raises(GenerationError) as caught:
        generate(other, tmp_path / "data")
    assert message in str(caught.value)
    assert contents(tmp_path / "data") == before


def test_another_library_release_is_a_difference() -> None:
    here = SETTINGS.description()
    there = {**here, "versions": {**here["versions"], "captcha": "0.3"}}
    difference = first_difference(there, here)
    assert difference is not None
    assert difference.startswith("captcha is '0.3' there")


def test_overwrite_replaces_only_when_the_new_one_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: dict[str, str]
) -> None:
    folder = tmp_path / "data"
    generate(Settings(SPEC, 20, 9), folder, workers=1)
    old = contents(folder)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(SETTINGS, folder, workers=1, overwrite=True, progress=stop)
    assert contents(folder) == old
    generate(SETTINGS, folder, workers=1, overwrite=True)
    assert contents(folder) == reference
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_kill_between_the_renames_of_overwrite_is_mended(tmp_path: Path, reference: dict[str, str]) -> None:
    generate(SETTINGS, tmp_path / "data.new", workers=1)
    generate(Settings(SPEC, 20, 9), tmp_path / "data.old", workers=1)
    assert generate(SETTINGS, tmp_path / "data") is False
    assert contents(tmp_path / "data") == reference


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(GenerationError, match="is not empty and holds no data set"):
        generate(SETTINGS, tmp_path, overwrite=True)
    with pytest.raises(GenerationError, match="is not empty"):
        generate(SETTINGS, tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "at least 1, got 0"),
        ({"seed": -1}, "at least 0, got -1"),
        ({"image_format": "gif"}, "must be jpeg or png, got 'gif'"),
        ({"spec": CaptchaSpec(width=9)}, "at least 10x10 pixels to be drawn, got 9x80"),
        ({"fonts": (__file__,)}, "is no readable TrueType font"),
    ],
)
def test_settings_that_cannot_be_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Settings(**arguments)
    assert message in str(caught.value)


def test_the_smallest_images_can_be_drawn(tmp_path: Path) -> None:
    generate(Settings(CaptchaSpec("A", 1, 1, 10, 10), 5), tmp_path / "data", workers=1)
    assert len(list((tmp_path / "data" / "images").iterdir())) == 5


def test_a_dead_worker_is_named_and_the_rest_is_kept(tmp_path: Path, reference: dict[str, str]) -> None:
    folder = tmp_path / "data"

    def kill_a_worker(done: int, total: int) -> object:
        def report(drawn: int) -> None:
            for child in multiprocessing.active_children():
                child.kill()

        return report

    with pytest.raises(CommandError, match="A worker process died"):
        generate(SETTINGS, folder, workers=1, progress=kill_a_worker)
    assert not (folder / "dataset.json").exists()
    generate(SETTINGS, folder, workers=1)
    assert contents(folder) == reference


def test_a_full_disk_is_one_sentence_and_loses_nothing(small_disk: SmallDisk) -> None:
    folder = small_disk.resize("300k") / "data"
    command = [sys.executable, "data_gen.py", "--output", str(folder), "--count", "300", "--workers", "2"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("The disk is full")
    assert "Traceback" not in result.stderr
    images = sorted((folder / "images").iterdir())
    assert images
    assert all(path.read_bytes()[-2:] == b"\xff\xd9" for path in images)  # each one a whole JPEG
    small_disk.resize("8m")
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert len(list((folder / "images").iterdir())) == 300
