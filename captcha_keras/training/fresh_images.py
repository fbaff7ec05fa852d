"""Training on a stream of new images, with more of the characters that validation confuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count

import keras

from captcha_keras.dataset.batching import INFERENCE_BATCH_SIZE
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.pipeline.batches import Images, Labels
from captcha_keras.training.confusion import confusion_matrix, hard_characters
from captcha_keras.training.prior import LogPrior
from data_gen.series import Series
from data_gen.stream import ImageStream


class FreshImages(keras.callbacks.Callback):
    """An endless stream of batches of new images, whose characters are weighted anew after each epoch.

    Batch k of epoch e depends on the series, the weights of epoch e and k alone, so that a resumed training draws what
    an uninterrupted one would have drawn. A context manager; its processes end with the block.

    Args:
        series: The images; their alphabet may be a part of the network's.
        steps: Batches of an epoch.
        batch_size: Images of a batch.
        prior: The layer that learns which weights are in force; its spec names the network's classes and the size that
            the images are fitted into.
        first_epoch: The epoch that the stream begins with.
        weights: The weights of that epoch.
        validation: Images whose confusions set the weights after each epoch; None to keep them.

    Attributes:
        weights: The weights of the epoch that is drawn.
        failure: What ended the stream: a process that draws died, for example; None while all is well.

    Example:
        >>> from captcha_keras.spec import CaptchaSpec
        >>> spec = CaptchaSpec("01", 2, 2, 40, 24)
        >>> with FreshImages(Series(spec), steps=1, batch_size=4, prior=LogPrior(spec)) as fresh:
        ...     images, labels = next(fresh.batches())
        >>> images.shape, spec.decode_all(labels)
        ((4, 24, 40, 3), ['01', '00', '01', '11'])
    """

    counters = ("weights",)

    def __init__(
        self,
        series: Series,
        *,
        steps: int,
        batch_size: int,
        prior: LogPrior,
        first_epoch: int = 0,
        weights: Mapping[str, int] | None = None,
        validation: LabelledImages | None = None,
    ) -> None:
        super().__init__()
        self.weights = dict(weights or {})
        self._series, self._steps, self._batch_size = series, steps, batch_size
        self._first_epoch, self._prior = first_epoch, prior
        self._validation = validation
        self._stream = ImageStream()
        self._known = threading.Condition()
        # The weights of the first epoch are known before training begins; those of a later one when it begins.
        self._published: dict[int, dict[str, int]] = {first_epoch: self.weights}
        self._closed = False
        self.failure: Exception | None = None

    def __enter__(self) -> FreshImages:
        self._stream.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._close()
        self._stream.__exit__(*error)

    def batches(self) -> Iterator[tuple[Images, Labels]]:
        """Batches from the first epoch on: uint8 `(batch_size, height, width, 3)`, int32 `(batch_size, max_length)`."""
        try:
            for epoch in count(self._first_epoch):
                weights = self._weights_of(epoch)
                if weights is None:
                    return
                yield from self._epoch(epoch, weights)
        except Exception as error:
            self.failure = error
            raise

    def _epoch(self, epoch: int, weights: Mapping[str, int]) -> Iterator[tuple[Images, Labels]]:
        series = replace(self._series, weights=tuple(sorted(weights.items())))
        first = epoch * self._steps * self._batch_size
        spec = self._prior.spec
        for images, texts in self._stream.batches(series, first, self._batch_size, self._steps, spec):
            if self._closed:
                return
            yield images, spec.encode_all(texts)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Let the images of this epoch be drawn."""
        self._prior.weigh(self.weights)
        with self._known:
            self._published[epoch] = self.weights
            self._known.notify_all()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Weigh the characters anew."""
        if self._validation is None:
            return
        labels = self._validation.labels
        logits = self.model.predict(self._validation.images, batch_size=INFERENCE_BATCH_SIZE, verbose=0)
        spec = self._prior.spec
        self.weights = hard_characters(confusion_matrix(logits.argmax(axis=-1), labels, spec), spec)
        named = ", ".join(f"{character} {weight}" for character, weight in self.weights.items())
        print(f"Hard characters of the next epoch: {named or 'none'}.", flush=True)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """End the stream: the thread that reads it waits for an epoch that will not come."""
        self._close()

    def _close(self) -> None:
        with self._known:
            self._closed = True
            self._known.notify_all()

    def _weights_of(self, epoch: int) -> dict[str, int] | None:
        """Wait until the epoch's weights are known; None if the training ends before."""
        with self._known:
            self._known.wait_for(lambda: self._closed or epoch in self._published)
            return None if self._closed else self._published[epoch]
