"""Reads images in the background, so that a page never waits for a network."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from captcha_keras.dataset.images import ImageError, read_image
from captcha_keras.errors import InputError
from captcha_keras.recognizer.formats import SINGLE_FILES
from captcha_keras.recognizer.locate import MODEL_FOR_ANY_LOOK, find_model
from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.recognizer.pretrained import pretrained_path
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.serving.labelling.limits import Limits
from captcha_keras.serving.labelling.trainings import trained_labels
from captcha_keras.training.run_folder import RunFolder

BATCH_SIZE = 16


@dataclass(frozen=True, eq=False)
class Source:
    """A network that suggests labels.

    Attributes:
        recognizer: The network.
        name: What the page calls it.
        model: Where it is: what `train.py --from` takes.

    Example:
        >>> source = Source.find(pretrained_path("captcha"))
        >>> source.name, source.model.name
        ('captcha/1', '1')
    """

    recognizer: Recognizer
    name: str
    model: Path

    @classmethod
    def find(cls, model: Path | None) -> Self:
        """Load a network to begin with.

        Args:
            model: What `Recognizer.load` takes; None for the pretrained one for any look.

        Raises:
            InputError: There is none, or it cannot be read.
        """
        path = model or pretrained_path(MODEL_FOR_ANY_LOOK)
        if path.suffix not in SINGLE_FILES:
            found = find_model(path)
            path = found.file or found.path
        name = f"{path.parent.name}/{path.name}" if path.name.isdecimal() else path.name
        return cls(Recognizer.load(path), name, path.resolve())

    @classmethod
    def trained(cls, run: RunFolder) -> Self:
        """Load a network that was trained on labels of the folder.

        Raises:
            InputError: The run has no network, or it cannot be read.
        """
        return cls(Recognizer.load(run.path), f"trained on {trained_labels(run)} labels", run.path)


@dataclass(frozen=True)
class Suggestion:
    """What a network reads in an image.

    Attributes:
        prediction: The text and how sure the network is.
        source: The network.

    Example:
        >>> Suggestion(Prediction("AB", 0.25, (0.5, 0.5)), Source.find(pretrained_path("captcha"))).prediction.text
        'AB'
    """

    prediction: Prediction
    source: Source


class Suggestions:
    """Reads the images that are wanted, in a thread of its own, a batch at a time.

    Args:
        source: The network that reads.
        limits: What its answers are limited to.

    Example:
        >>> from data_gen import Series
        >>> drawing = Series(seed=2).source().draw(0)
        >>> size = Path("0.jpg").write_bytes(drawing.content)
        >>> suggestions = Suggestions(Source.find(pretrained_path("captcha")), Limits())
        >>> suggestions.want([Path("0.jpg")])
        >>> suggestions.wait(seconds=60)
        >>> suggestions.get(Path("0.jpg")).prediction.text == drawing.text
        True
        >>> suggestions.close()
    """

    def __init__(self, source: Source, limits: Limits) -> None:
        self._limits = limits
        self._changed = threading.Condition()
        self._source = source
        self._problem = ""
        self._wanted: Sequence[Path] = ()
        self._found: dict[Path, Suggestion | None] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="suggestions", daemon=True)
        self._thread.start()

    @property
    def source(self) -> Source:
        """The network that reads."""
        return self._source

    @property
    def problem(self) -> str:
        """Why the network reads nothing, in one sentence; empty if it reads."""
        return self._problem

    def use(self, source: Source) -> None:
        """Go on with another network, which reads everything wanted anew; until then the readings before it stay."""
        with self._changed:
            self._source, self._problem = source, ""
            self._changed.notify_all()

    def want(self, images: Sequence[Path]) -> None:
        """Read these images next, in this order, and none of those wanted before."""
        with self._changed:
            self._wanted = images
            self._changed.notify_all()

    def get(self, image: Path) -> Suggestion | None:
        """What the network reads in an image; None if it has not read it, or cannot."""
        with self._changed:
            return self._found.get(image)

    def wait(self, seconds: float) -> None:
        """Wait until everything wanted is read, or cannot be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._batch(), seconds)

    def close(self) -> None:
        """End the thread after its batch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _batch(self) -> list[Path]:
        """The next images to read; none after a problem, which another network may not have."""
        if self._problem:
            return []
        return [image for image in self._wanted if not self._is_read(image)][:BATCH_SIZE]

    def _is_read(self, image: Path) -> bool:
        if image not in self._found:
            return False
        suggestion = self._found[image]
        return suggestion is None or suggestion.source is self._source

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._batch())
                if self._closed:
                    return
                batch, source = self._batch(), self._source
            found, problem = _read(batch, source, self._limits)
            with self._changed:
                if source is self._source:
                    self._found.update(found)
                    self._problem = problem
                self._changed.notify_all()


def _read(images: Sequence[Path], source: Source, limits: Limits) -> tuple[dict[Path, Suggestion | None], str]:
    """What the network reads in images, None for those that cannot be decoded; and why it reads none at all."""
    found: dict[Path, Suggestion | None] = dict.fromkeys(images)
    pixels = {}
    for image in images:
        try:
            pixels[image] = read_image(image)
        except ImageError:
            continue
    # A network is traced anew for each size of a batch, which takes seconds.
    batch = [*pixels.values()] + list(pixels.values())[:1] * (BATCH_SIZE - len(pixels))
    try:
        predictions = source.recognizer.read(batch, **limits.within(source.recognizer.spec))
    except InputError as error:
        return {}, str(error)
    except Exception as error:  # labelling goes on, whatever the network does
        return {}, f"{source.name} reads nothing: {error}"
    for image, prediction in zip(pixels, predictions, strict=False):
        found[image] = Suggestion(prediction, source)
    return found, ""
