from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from captcha_keras.spec import CaptchaSpec
from data_gen import GenerationError, Series, Settings, Shard, generate_dataset, processes
from data_gen.generate import missing_pieces
from data_gen.plan import Plan
from tests.conftest import SmallDisk
from tests.data_gen.folders import SETTINGS, SPEC, contents

ROOT = Path(__file__).parents[2]


def test_a_finished_folder_holds_what_the_format_says(tmp_path: Path) -> None:
    assert generate_dataset(SETTINGS, tmp_path / "data", engine=processes(1)) is True
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
    generate_dataset(SETTINGS, tmp_path / "data", engine=processes(8))
    assert contents(tmp_path / "data") == reference


def test_killed_at_random_moments_and_resumed_it_ends_with_the_same_bytes(
    tmp_path: Path, reference: dict[str, str]
) -> None:
    words = ["--count", "300", "--seed", "4", "--alphabet", "digits", "--length", "2-4", "--width", "60"]
    kills = _kill_and_resume(tmp_path / "data", [*words, "--height", "40"], 4, random.Random(1), (0.2, 1.2))
    assert kills > 0
    assert contents(tmp_path / "data") == reference


@pytest.mark.long
@pytest.mark.parametrize("image_format", ["jpeg", "tfrecord"])
def test_killed_at_twenty_random_moments_it_has_the_undisturbed_checksum(tmp_path: Path, image_format: str) -> None:
    words = ["--count", "60000", "--seed", "6", "--format", image_format]
    undisturbed = tmp_path / "undisturbed"
    subprocess.run([sys.executable, "data_gen.py", "--output", str(undisturbed), *words], cwd=ROOT, check=True)
    # A killed TFRecord file of 4,096 images begins anew, so that some of these runs must be longer.
    moments = (0.3, 1.8) if image_format == "jpeg" else (0.3, 4.0)
    assert _kill_and_resume(tmp_path / "data", words, 20, random.Random(2), moments) == 20
    assert contents(tmp_path / "data") == contents(undisturbed)


def _kill_and_resume(
    folder: Path, words: list[str], kills: int, moments: random.Random, between: tuple[float, float]
) -> int:
    """Kill a generation with -9 up to `kills` times, then let it end; returns how often it was killed at work."""
    command = [sys.executable, "data_gen.py", "--output", str(folder), "--workers", "2", *words]
    done = 0
    for _ in range(kills):
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(*between))
        # Only the parent: its workers must notice and end by themselves.
        process.send_signal(signal.SIGKILL)
        done += process.wait() == -signal.SIGKILL
        _wait_for_group(process.pid)
        if (folder / "dataset.json").exists():
            break
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return done


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
    generate_dataset(SETTINGS, folder, engine=processes(1))
    description = folder / "dataset.json"
    plan = {k: v for k, v in json.loads(description.read_text()).items() if k != "sha256"}
    (folder / "plan.json").write_text(json.dumps(plan))
    description.unlink()
    untouched = folder / "images" / "00005.jpg"
    before = untouched.stat().st_mtime_ns
    (folder / "images" / "00006.jpg").unlink()
    (folder / "images" / ".tmp-1-00007.jpg").write_bytes(b"half")
    reports: list[int] = []
    generate_dataset(
        SETTINGS, folder, engine=processes(1), progress=lambda done, total: reports.append(done) or reports.append
    )
    assert reports == [299, 300]
    assert untouched.stat().st_mtime_ns == before
    assert contents(folder) == reference


def test_a_finished_folder_is_left_alone(tmp_path: Path) -> None:
    generate_dataset(SETTINGS, tmp_path / "data", engine=processes(1))
    before = contents(tmp_path / "data")
    assert generate_dataset(SETTINGS, tmp_path / "data") is False
    assert contents(tmp_path / "data") == before


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Settings(Series(SPEC, 4), 301), "count is 300 there and 301 here"),
        (Settings(Series(SPEC, 5), 300), "seed is 4 there and 5 here"),
        (Settings(Series(SPEC, 4, "png"), 300), "image_format is 'jpeg' there and 'png' here"),
        (Settings(Series(CaptchaSpec("0123456789", 2, 4, 61, 40), 5), 300), "width is 60 there and 61 here"),
    ],
)
def test_mixed_settings_are_refused(tmp_path: Path, other: Settings, message: str) -> None:
    generate_dataset(SETTINGS, tmp_path / "data", engine=processes(1))
    before = contents(tmp_path / "data")
    with pytest.raises(GenerationError) as caught:
        generate_dataset(other, tmp_path / "data")
    assert message in str(caught.value)
    assert contents(tmp_path / "data") == before


@pytest.mark.parametrize("storage", ["files", "tfrecord"])
def test_millions_of_images_are_planned_in_flat_memory(storage: str, tmp_path: Path) -> None:
    tracemalloc.start()
    begin = time.perf_counter()
    plan = Plan(Settings(count=10_000_000, storage=storage), Shard(3, 7))
    missing = missing_pieces(plan, tmp_path)
    first = next(missing)
    description = plan.description()
    seconds = time.perf_counter() - begin
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 1
    assert peak < 1_000_000
    assert first == plan.pieces[0]
    assert description["shard"]["first"] == plan.storage.images(first)[0]


def test_overwrite_replaces_only_when_the_new_one_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: dict[str, str]
) -> None:
    folder = tmp_path / "data"
    generate_dataset(Settings(Series(SPEC, 9), 20), folder, engine=processes(1))
    old = contents(folder)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_dataset(SETTINGS, folder, engine=processes(1), overwrite=True, progress=stop)
    assert contents(folder) == old
    generate_dataset(SETTINGS, folder, engine=processes(1), overwrite=True)
    assert contents(folder) == reference
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_kill_between_the_renames_of_overwrite_is_mended(tmp_path: Path, reference: dict[str, str]) -> None:
    generate_dataset(SETTINGS, tmp_path / "data.new", engine=processes(1))
    generate_dataset(Settings(Series(SPEC, 9), 20), tmp_path / "data.old", engine=processes(1))
    assert generate_dataset(SETTINGS, tmp_path / "data") is False
    assert contents(tmp_path / "data") == reference


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(GenerationError, match="is not empty and holds no data set"):
        generate_dataset(SETTINGS, tmp_path, overwrite=True)
    with pytest.raises(GenerationError, match="is not empty"):
        generate_dataset(SETTINGS, tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_the_smallest_images_can_be_drawn(tmp_path: Path) -> None:
    generate_dataset(Settings(Series(CaptchaSpec("A", 1, 1, 10, 10)), 5), tmp_path / "data", engine=processes(1))
    assert len(list((tmp_path / "data" / "images").iterdir())) == 5


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
