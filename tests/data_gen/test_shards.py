from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.errors import InputError
from data_gen import Settings, Shard, generate_dataset, join_shards
from data_gen.plan import Plan
from tests.data_gen.folders import SETTINGS, contents, in_this_process


@pytest.mark.parametrize("storage", ["files", "tfrecord"])
def test_shards_have_every_image_once(storage: str) -> None:
    settings = Settings(count=100_001, storage=storage)
    for of in (1, 2, 3, 7, 25):
        plans = [Plan(settings, Shard(number, of)) for number in range(1, of + 1)]
        pieces = [piece for plan in plans for piece in plan.pieces]
        assert pieces == list(range(plans[0].storage.piece_count))
        assert [plan.first_image for plan in plans[1:]] == [plan.first_image + plan.image_count for plan in plans[:-1]]
        assert sum(plan.image_count for plan in plans) == 100_001


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
        generate_dataset(SETTINGS, tmp_path / "data", shard=Shard(1, 301))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("storage", ["files", "tfrecord"])
def test_shards_drawn_in_any_order_join_into_the_same_bytes(
    tmp_path: Path, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captcha_keras.dataset.drawn.IMAGES_PER_RECORD_FILE", 32)
    settings = replace(SETTINGS, storage=storage, count=100)
    generate_dataset(settings, tmp_path / "whole", engine=in_this_process)
    folders = [tmp_path / name for name in ("b", "c", "a")]
    for number, folder in zip((2, 3, 1), folders, strict=True):
        generate_dataset(settings, folder, shard=Shard(number, 3), engine=in_this_process)
    assert len({len(open_dataset(folder)) for folder in folders}) > 1  # parts of unequal size
    part = open_dataset(folders[1])
    whole = open_dataset(tmp_path / "whole")
    assert [(record.name, record.text) for record in part.records] == [
        (record.name, record.text) for record in whole.records[-len(part) :]
    ]
    assert (part.records[0].read() == whole.records[-len(part)].read()).all()
    assert join_shards(folders, tmp_path / "joined") is True
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")
    assert join_shards(folders, tmp_path / "joined") is False


def test_shards_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    settings = replace(SETTINGS, count=10)
    for number in (1, 2):
        generate_dataset(settings, tmp_path / f"{number}", shard=Shard(number, 2), engine=in_this_process)
    generate_dataset(
        replace(settings, series=replace(settings.series, seed=5)),
        tmp_path / "other",
        shard=Shard(2, 2),
        engine=in_this_process,
    )
    generate_dataset(settings, tmp_path / "third", shard=Shard(2, 3), engine=in_this_process)
    generate_dataset(settings, tmp_path / "whole", engine=in_this_process)
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
            assert join_shards(folders, tmp_path / "twice")
            continue
        with pytest.raises(InputError) as caught:
            join_shards(folders, tmp_path / "joined")
        assert message in str(caught.value)
        assert not (tmp_path / "joined" / "dataset.json").exists()


def test_a_join_goes_on_where_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(SETTINGS, count=20)
    generate_dataset(settings, tmp_path / "whole", engine=in_this_process)
    folders = [tmp_path / "a", tmp_path / "b"]
    for number, folder in enumerate(folders, start=1):
        generate_dataset(settings, folder, shard=Shard(number, 2), engine=in_this_process)
    with monkeypatch.context() as patch:
        patch.setattr("os.link", _fail_after(7))
        patch.setattr("shutil.copyfile", _fail_after(0))
        with pytest.raises(OSError, match="full"):
            join_shards(folders, tmp_path / "joined")
    assert len(list((tmp_path / "joined" / "images").iterdir())) == 7
    assert join_shards(folders, tmp_path / "joined") is True
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
