from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.ray_generation import kill_a_worker
from captcha_keras.dataset import open_dataset
from captcha_keras.errors import CommandError, InputError
from captcha_keras.spec import CaptchaSpec
from data_gen import GenerationError, Settings, Shard, Style, generate, join, processes, ray_tasks
from data_gen.engines import Job, draw_pieces
from data_gen.generate import Plan, missing_pieces
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


def in_this_process(job: Job, pieces: Iterator[int]) -> Iterator[int]:
    """An engine without processes, for what does not test them."""
    for piece in pieces:
        yield draw_pieces(job, [piece])


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one worker draws without interruption."""
    folder = tmp_path_factory.mktemp("reference") / "data"
    generate(SETTINGS, folder, engine=processes(1))
    return contents(folder)


def test_a_finished_folder_holds_what_the_format_says(tmp_path: Path) -> None:
    assert generate(SETTINGS, tmp_path / "data", engine=processes(1)) is True
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
    generate(SETTINGS, tmp_path / "data", engine=processes(8))
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
    generate(SETTINGS, folder, engine=processes(1))
    description = folder / "dataset.json"
    plan = {k: v for k, v in json.loads(description.read_text()).items() if k != "sha256"}
    (folder / "plan.json").write_text(json.dumps(plan))
    description.unlink()
    kept = folder / "images" / "00005.jpg"
    before = kept.stat().st_mtime_ns
    (folder / "images" / "00006.jpg").unlink()
    (folder / "images" / ".tmp-1-00007.jpg").write_bytes(b"half")
    reports: list[int] = []
    generate(SETTINGS, folder, engine=processes(1), progress=lambda done, total: reports.append(done) or reports.append)
    assert reports == [299, 300]
    assert kept.stat().st_mtime_ns == before
    assert contents(folder) == reference


def test_a_finished_folder_is_left_alone(tmp_path: Path) -> None:
    generate(SETTINGS, tmp_path / "data", engine=processes(1))
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
    generate(SETTINGS, tmp_path / "data", engine=processes(1))
    before = contents(tmp_path / "data")
    with pytest.raises(GenerationError) as caught:
        generate(other, tmp_path / "data")
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


@pytest.mark.parametrize("storage", ["files", "tfrecord"])
def test_shards_have_every_image_once(storage: str) -> None:
    settings = Settings(count=100_001, storage=storage)
    for of in (1, 2, 3, 7, 25):
        plans = [Plan(settings, Shard(number, of)) for number in range(1, of + 1)]
        pieces = [piece for plan in plans for piece in plan.pieces]
        assert pieces == list(range(plans[0].storage.pieces))
        assert [plan.first for plan in plans[1:]] == [plan.first + plan.images for plan in plans[:-1]]
        assert sum(plan.images for plan in plans) == 100_001


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0/4", "must be 1 to 4 of 4, got 0"),
        ("5/4", "got 5"),
        ("1", "must look like 2/4, got '1'"),
        ("1/0", "must look like 2/4"),
        ("a/b", "must look like 2/4"),
        ("-1/4", "must look like 2/4"),
    ],
)
def test_a_wrong_shard_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Shard.parse(text)
    assert message in str(caught.value)


def test_more_shards_than_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="300 files cannot be divided into 301 shards"):
        generate(SETTINGS, tmp_path / "data", shard=Shard(1, 301))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("storage", ["files", "tfrecord"])
def test_shards_drawn_in_any_order_join_into_the_same_bytes(
    tmp_path: Path, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captcha_keras.dataset.layouts.IMAGES_PER_RECORD_FILE", 32)
    settings = replace(SETTINGS, storage=storage, count=100)
    generate(settings, tmp_path / "whole", engine=in_this_process)
    folders = [tmp_path / name for name in ("b", "c", "a")]
    for number, folder in zip((2, 3, 1), folders, strict=True):
        generate(settings, folder, shard=Shard(number, 3), engine=in_this_process)
    assert len({len(open_dataset(folder)) for folder in folders}) > 1  # parts of unequal size
    part = open_dataset(folders[1])
    whole = open_dataset(tmp_path / "whole")
    assert [(record.name, record.text) for record in part.records] == [
        (record.name, record.text) for record in whole.records[-len(part) :]
    ]
    assert (part.records[0].read() == whole.records[-len(part)].read()).all()
    assert join(folders, tmp_path / "joined") is True
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")
    assert join(folders, tmp_path / "joined") is False


def test_shards_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    settings = replace(SETTINGS, count=10)
    for number in (1, 2):
        generate(settings, tmp_path / f"{number}", shard=Shard(number, 2), engine=in_this_process)
    generate(replace(settings, seed=5), tmp_path / "other", shard=Shard(2, 2), engine=in_this_process)
    generate(settings, tmp_path / "third", shard=Shard(2, 3), engine=in_this_process)
    generate(settings, tmp_path / "whole", engine=in_this_process)
    shutil.copytree(tmp_path / "2", tmp_path / "damaged")
    image = next((tmp_path / "damaged" / "images").iterdir())
    image.write_bytes(image.read_bytes()[:-1])
    shutil.copytree(tmp_path / "2", tmp_path / "relabelled")
    (tmp_path / "relabelled" / "labels.txt").write_text("00\n" * 5)
    for names, message in (
        (["1"], "1 of 2 shards are missing: 2."),
        (["1", "1", "2"], None),
        (["1", "other"], "are shards of different data sets: seed is 4 there and 5 here"),
        (["1", "third"], "are shards of different data sets: of is 2 there and 3 here"),
        (["1", "whole"], "whole is no shard of a data set"),
        (["1", "damaged"], "damaged does not hold what it was finished with"),
        (["1", "relabelled"], "relabelled does not hold what it was finished with"),
        (["1", "nothing"], "nothing/dataset.json is no readable JSON file"),
    ):
        folders = [tmp_path / name for name in names]
        if message is None:
            assert join(folders, tmp_path / "twice")
            continue
        with pytest.raises(InputError) as caught:
            join(folders, tmp_path / "joined")
        assert message in str(caught.value)
        assert not (tmp_path / "joined" / "dataset.json").exists()


def test_a_join_goes_on_where_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(SETTINGS, count=20)
    generate(settings, tmp_path / "whole", engine=in_this_process)
    folders = [tmp_path / "a", tmp_path / "b"]
    for number, folder in enumerate(folders, start=1):
        generate(settings, folder, shard=Shard(number, 2), engine=in_this_process)
    with monkeypatch.context() as patch:
        patch.setattr("os.link", _fail_after(7))
        patch.setattr("shutil.copyfile", _fail_after(0))
        with pytest.raises(OSError, match="full"):
            join(folders, tmp_path / "joined")
    assert len(list((tmp_path / "joined" / "images").iterdir())) == 7
    assert join(folders, tmp_path / "joined") is True
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")


def _fail_after(times: int) -> Callable[[Path, Path], None]:
    done = 0

    def link(source: Path, target: Path) -> None:
        nonlocal done
        if done == times:
            raise OSError("full")
        done += 1
        target.write_bytes(source.read_bytes())

    return link


def test_a_killed_ray_worker_is_replaced_and_the_bytes_are_the_same(tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_one(done: int, total: int) -> Callable[[int], None]:
        def report(drawn: int) -> None:
            # At a given moment its workers may all be between two tasks.
            if not killed and (number := kill_a_worker()):
                killed.append(number)

        return report

    settings = replace(SETTINGS, count=6000)
    generate(settings, tmp_path / "data", engine=ray_tasks(workers=2), progress=kill_one)
    assert killed
    generate(settings, tmp_path / "reference", engine=processes(2))
    assert contents(tmp_path / "data") == contents(tmp_path / "reference")


def test_what_a_replaced_worker_left_half_written_is_removed(tmp_path: Path, reference: dict[str, str]) -> None:
    def engine(job: Job, pieces: Iterator[int]) -> Iterator[int]:
        (job.folder / ".tmp-1-0003.jpg").write_bytes(b"half")
        yield from in_this_process(job, pieces)

    generate(SETTINGS, tmp_path / "data", engine=engine)
    assert contents(tmp_path / "data") == reference


@pytest.mark.parametrize(
    ("address", "message"),
    [("127.0.0.1:1", "There is no Ray cluster at 127.0.0.1:1"), ("somewhere", "must look like 10.0.0.1:6379")],
)
def test_no_cluster_at_an_address_is_one_sentence(address: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        ray_tasks(address)
    assert message in str(caught.value)


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
    generate(Settings(SPEC, 20, 9), folder, engine=processes(1))
    old = contents(folder)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(SETTINGS, folder, engine=processes(1), overwrite=True, progress=stop)
    assert contents(folder) == old
    generate(SETTINGS, folder, engine=processes(1), overwrite=True)
    assert contents(folder) == reference
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_kill_between_the_renames_of_overwrite_is_mended(tmp_path: Path, reference: dict[str, str]) -> None:
    generate(SETTINGS, tmp_path / "data.new", engine=processes(1))
    generate(Settings(SPEC, 20, 9), tmp_path / "data.old", engine=processes(1))
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
        ({"storage": "zip"}, "must be files or tfrecord, got 'zip'"),
        ({"spec": CaptchaSpec("AB", 3, 3), "distinct": True}, "need an alphabet of at least as many, got 2"),
        ({"style": Style(gap=40)}, "4 characters with 40 empty columns between them need a width of at least 216"),
    ],
)
def test_settings_that_cannot_be_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Settings(**arguments)
    assert message in str(caught.value)


def test_the_smallest_images_can_be_drawn(tmp_path: Path) -> None:
    generate(Settings(CaptchaSpec("A", 1, 1, 10, 10), 5), tmp_path / "data", engine=processes(1))
    assert len(list((tmp_path / "data" / "images").iterdir())) == 5


def test_a_dead_worker_is_named_and_the_rest_is_kept(tmp_path: Path, reference: dict[str, str]) -> None:
    folder = tmp_path / "data"

    def kill_a_worker(done: int, total: int) -> object:
        def report(drawn: int) -> None:
            for child in multiprocessing.active_children():
                child.kill()

        return report

    with pytest.raises(CommandError, match="A worker process died"):
        generate(SETTINGS, folder, engine=processes(1), progress=kill_a_worker)
    assert not (folder / "dataset.json").exists()
    generate(SETTINGS, folder, engine=processes(1))
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
