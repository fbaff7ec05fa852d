"""A number of labelled images, as if there were no others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.dataset.split import split_indices
from captcha_keras.errors import DatasetError


@given(st.integers(40, 3000), st.integers(0, 2**31), st.data())
def test_labels_are_training_and_validation_images_together(count: int, seed: int, data: st.DataObject) -> None:
    whole = split_indices(count, seed, 0.1, 0.3)
    known = np.union1d(whole.train, whole.validation)
    labels = data.draw(st.integers(2, len(known)))
    few = split_indices(count, seed, 0.1, 0.3, labels)
    assert len(few.train) + len(few.validation) == labels
    assert len(few.validation) == max(1, labels // 10)
    assert len(np.intersect1d(few.train, few.validation)) == 0
    # What is kept for the test does not depend on how many labels there are, and none of it is learned from.
    np.testing.assert_array_equal(few.test, whole.test)
    assert np.isin(np.union1d(few.train, few.validation), known).all()
    fewer = split_indices(count, seed, 0.1, 0.3, data.draw(st.integers(2, labels)))
    assert np.isin(np.union1d(fewer.train, fewer.validation), np.union1d(few.train, few.validation)).all()


def test_a_thousand_validation_images_are_enough() -> None:
    parts = split_indices(51_200, 0, labels=40_000)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (39_000, 1_000, 5_120)


def test_labelled_images_are_not_the_first_of_the_folder() -> None:
    # Files that are named by their text come in the order of their text.
    assert split_indices(1000, 0, labels=100).train.max() > 800


@pytest.mark.parametrize("labels", [-1, 0, 1, 181])
def test_a_number_of_labels_that_cannot_be_is_refused(labels: int) -> None:
    with pytest.raises(DatasetError) as caught:
        split_indices(200, 0, labels=labels)
    assert str(caught.value) == (f"Of 200 images 20 are for the test, so 2 to 180 can count as labelled, got {labels}.")
