from __future__ import annotations

import multiprocessing
from itertools import islice

import numpy as np
import pytest

from captcha_keras.errors import CommandError
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.confusion import hard_characters
from captcha_keras.training.fresh_images import FreshImages
from captcha_keras.training.prior import LogPrior, log_prior
from data_gen import ImageStream, Series

SPEC = CaptchaSpec("01O", 2, 3, 40, 20)
SERIES = Series(SPEC, "training 0")


def test_batches_are_the_series_in_order_from_any_image_on() -> None:
    with ImageStream(2) as stream:
        found = list(stream.batches(SERIES, 0, 4, 6))
        rest = list(stream.batches(SERIES, 8, 4, 4))
    source = SERIES.source()
    assert [text for _, texts in found for text in texts] == [source.text(index) for index in range(24)]
    np.testing.assert_array_equal(found[5][0][3], np.asarray(source.image(23)[1]))
    assert found[0][0].shape == (4, 20, 40, 3)
    for (one, _), (other, _) in zip(found[2:], rest, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_dead_worker_is_one_sentence() -> None:
    with ImageStream(1) as stream:
        batches = stream.batches(SERIES, 0, 2, 500)
        next(batches)
        for child in multiprocessing.active_children():
            child.kill()
        with pytest.raises(CommandError, match="A process that draws training images died"):
            list(batches)


def test_no_numbered_seed_draws_the_images_of_training() -> None:
    named, numbered = (Series(SPEC, seed).source() for seed in ("training 0", 0))
    assert [named.text(index) for index in range(50)] != [numbered.text(index) for index in range(50)]


def test_an_epoch_waits_for_its_weights_and_a_resumed_stream_goes_on_with_them() -> None:
    spec = CaptchaSpec("01O", 2, 2, 40, 20)
    series, prior = Series(spec, "training 0"), LogPrior(spec)
    prior.build((None, 2, 3))
    with FreshImages(series, steps=2, batch_size=8, prior=prior) as whole:
        batches = whole.batches()
        first = list(islice(batches, 2))
        whole.weights = {"O": 900}
        whole.on_epoch_begin(1)
        second = list(islice(batches, 2))
    np.testing.assert_allclose(prior.log_prior, log_prior({"O": 900}, spec))
    with FreshImages(series, steps=2, batch_size=8, prior=prior, first_epoch=1, weights={"O": 900}) as resumed:
        again = list(islice(resumed.batches(), 2))
    assert (np.concatenate([labels for _, labels in first]) != 2).any()
    assert (np.concatenate([labels for _, labels in second]) == 2).mean() > 0.9
    for (one, labels), (other, other_labels) in zip(second, again, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(labels, other_labels)


def test_labels_are_the_networks_classes_though_the_images_have_an_alphabet_of_their_own() -> None:
    drawn, read = CaptchaSpec("01O", 2, 2, 40, 20), CaptchaSpec("XO10", 1, 2, 40, 20)
    series = Series(drawn, "training 0")
    with FreshImages(series, steps=1, batch_size=8, prior=LogPrior(read)) as fresh:
        _, labels = next(fresh.batches())
    assert read.decode_all(labels) == [series.source().text(index) for index in range(8)]


def test_a_stream_that_waits_ends_when_training_ends() -> None:
    with FreshImages(SERIES, steps=1, batch_size=2, prior=LogPrior(SERIES.spec)) as fresh:
        batches = fresh.batches()
        next(batches)
        fresh.on_train_end()
        assert list(batches) == []


def test_hard_characters_are_weighted_by_their_group_s_errors() -> None:
    spec = CaptchaSpec("0O1I8B", 1, 2)
    matrix = np.zeros((7, 7), int)
    np.fill_diagonal(matrix, 100)
    matrix[0, 1], matrix[1, 0] = 30, 10  # 0 and O: 40 of 80 errors
    matrix[2, 3] = 10  # 1 and I: 10
    matrix[3, 4] = 10  # I and 8: 10, so 1, I and 8 are one group of 20
    matrix[5, 6] = 17  # B left out: "no character" cannot be drawn
    matrix[4, 5] = 3  # 8 and B: below 5 %
    # 1 + round(8 * 40 / 80) and 1 + round(8 * 20 / 80)
    assert hard_characters(matrix, spec) == {"0": 5, "O": 5, "1": 3, "I": 3, "8": 3}


def test_without_errors_nothing_is_hard() -> None:
    assert hard_characters(np.eye(3, dtype=int), CaptchaSpec("ABC")) == {}
