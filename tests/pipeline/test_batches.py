from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.errors import InputError
from captcha_keras.pipeline.augmentation import Augmentation
from captcha_keras.pipeline.batches import evaluation_batches, training_batches
from captcha_keras.pipeline.store import free_memory, image_store


def numbered(count: int) -> LabelledImages:
    """Images and labels that carry their own index."""
    index = np.arange(count)
    images = np.zeros((count, 6, 8, 3), np.uint8)
    images[:, 0, 0, 0] = index
    return LabelledImages(images, np.stack([index, index + 1], axis=1).astype(np.int32))


def taken(dataset: object, steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(islice(dataset.as_numpy_iterator(), steps))


@settings(max_examples=15)
@given(count=st.integers(1, 40), batch_size=st.integers(1, 5), seed=st.integers(0, 99), skip=st.integers(0, 30))
def test_going_on_at_any_step_sees_the_same_batches(count: int, batch_size: int, seed: int, skip: int) -> None:
    data = numbered(count)
    whole = taken(training_batches(data, batch_size=batch_size, seed=seed), skip + 4)
    rest = taken(training_batches(data, batch_size=batch_size, seed=seed, first_step=skip), 4)
    for (one, one_labels), (other, other_labels) in zip(whole[skip:], rest, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one_labels, other_labels)


@pytest.mark.parametrize(
    "make",
    [lambda data: training_batches(data, batch_size=5, seed=0), lambda data: evaluation_batches(data, 5)],
    ids=["training", "evaluation"],
)
def test_images_live_as_long_as_their_batches_and_no_longer(make: Callable) -> None:
    data = numbered(10)
    alive = weakref.ref(data.images)
    iterator = iter(make(data).take(2))
    del data
    gc.collect()
    # Nothing but the iterator is left to hold them.
    assert len(list(iterator)) == 2
    assert alive() is not None
    del iterator
    gc.collect()
    # TensorFlow itself never forgets a function given to tf.numpy_function: an audit's images filled the memory.
    assert alive() is None


def test_an_epoch_has_every_image_once_in_an_order_of_its_own() -> None:
    data = numbered(48)
    found = taken(training_batches(data, batch_size=8, seed=1), 12)
    first, second = (np.concatenate([y[:, 0] for _, y in part]) for part in (found[:6], found[6:]))
    assert sorted(first) == sorted(second) == list(range(48))
    assert not np.array_equal(first, second)
    for pixels, numbers in found:
        np.testing.assert_array_equal(pixels[:, 0, 0, 0], numbers[:, 0])
        np.testing.assert_array_equal(numbers[:, 1], numbers[:, 0] + 1)
    other = taken(training_batches(data, batch_size=8, seed=2), 6)
    assert not np.array_equal(first, np.concatenate([y[:, 0] for _, y in other]))


def test_augmentation_differs_between_epochs_and_resumes() -> None:
    images = np.random.default_rng(0).integers(0, 255, (16, 20, 30, 3), np.uint8)
    data = LabelledImages(images, np.zeros((16, 1), np.int32))
    augmentation = Augmentation(rotation_range=20)

    def steps(first: int, count: int) -> list[np.ndarray]:
        dataset = training_batches(data, batch_size=16, seed=1, first_step=first, augmentation=augmentation)
        return [pixels for pixels, _ in taken(dataset, count)]

    three = steps(0, 3)
    assert three[0].dtype == np.uint8
    assert not np.array_equal(np.sort(three[0], axis=0), np.sort(three[1], axis=0))
    np.testing.assert_array_equal(three[2], steps(2, 1)[0])


def test_evaluation_batches_keep_order_and_the_short_rest() -> None:
    data = numbered(10)
    found = list(evaluation_batches(data, 4).as_numpy_iterator())
    assert [len(pixels) for pixels, _ in found] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([pixels for pixels, _ in found]), data.images)
    np.testing.assert_array_equal(np.concatenate([numbers for _, numbers in found]), data.labels)
    assert evaluation_batches(data, 4).cardinality() == 3


@pytest.mark.parametrize(("count", "times"), [(1, {5}), (3, {1, 2}), (4, {1, 2}), (5, {1})])
def test_of_few_images_each_comes_about_as_often_in_a_batch(count: int, times: set[int]) -> None:
    for _, labels in taken(training_batches(numbered(count), batch_size=5, seed=0), 4):
        found = np.bincount(labels[:, 0], minlength=count)
        assert set(found) == times


@pytest.mark.parametrize(
    ("kind", "free", "on_disk"),
    [
        ("memory", 1, False),
        ("disk", 10**12, True),
        ("auto", 2_000, False),
        ("auto", 1_999, True),
        ("auto", None, False),
    ],
)
def test_images_go_where_they_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, free: int | None, on_disk: bool
) -> None:
    monkeypatch.setattr("captcha_keras.pipeline.store.free_memory", lambda: free)
    with image_store(kind, tmp_path) as allocate:
        array = allocate((10, 10, 10, 1))
        assert isinstance(array, np.memmap) == on_disk
        array[...] = 7
        assert array.shape == (10, 10, 10, 1)
        assert len(list(tmp_path.glob(".images-*/*.npy"))) == on_disk
    assert list(tmp_path.iterdir()) == []


def test_the_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".images-old").mkdir()
    (tmp_path / ".images-old" / "1.npy").write_bytes(b"x")
    with image_store("memory", tmp_path):
        assert not (tmp_path / ".images-old").exists()
    with pytest.raises(InputError, match="must be auto, memory or disk, got 'tape'"), image_store("tape", tmp_path):
        pass


def test_batches_from_disk_equal_those_from_memory(tmp_path: Path) -> None:
    data = numbered(20)
    with image_store("disk", tmp_path) as allocate:
        stored = replace(data, images=allocate(data.images.shape))
        stored.images[...] = data.images
        for (one, _), (other, _) in zip(
            taken(training_batches(data, batch_size=4, seed=0), 5),
            taken(training_batches(stored, batch_size=4, seed=0), 5),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


def test_free_memory_is_plausible() -> None:
    free = free_memory()
    assert free is None or 2**20 < free < 2**50
