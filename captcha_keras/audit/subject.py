"""What is audited: CAPTCHAs that are drawn from settings, or images that their owner exported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.properties import contrast_ratios
from captcha_keras.dataset.dataset import Dataset
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.dataset.load import Allocate, in_memory
from captcha_keras.errors import DatasetError, InputError
from captcha_keras.spec import CaptchaSpec
from data_gen.series import Series
from data_gen.settings import font_checksums
from data_gen.stream import ImageStream
from data_gen.style import Style

DRAW_BATCH_SIZE = 250
TEST_DIVISOR, VALIDATION_DIVISOR = 5, 10


@dataclass(frozen=True)
class Material:
    """The images of a training; its parts are disjoint.

    Attributes:
        training: What is learned from.
        validation: What temperature and threshold are fitted on.
        test: What is measured on.
        properties: Of each test image, float32 `(N,)`: its contrast ratio, and of drawn ones squeeze and overlap.
        fonts: Of each character of the test images the number of its font, `(N, L)`; None where unknown.

    Example:
        >>> part = LabelledImages(np.zeros((2, 80, 170, 3), np.uint8), np.zeros((2, 4), np.int32))
        >>> material = Material(part, part, part, {"contrast": contrast_ratios(part.images)}, fonts=None)
        >>> material.properties["contrast"]
        array([1., 1.], dtype=float32)
    """

    training: LabelledImages
    validation: LabelledImages
    test: LabelledImages
    properties: Mapping[str, NDArray[np.float32]]
    fonts: NDArray[np.int32] | None


class Subject(Protocol):
    """Where the images of an audit come from.

    Example:
        >>> subject: Subject = Drawn(CaptchaSpec("01", 2, 2))
        >>> subject.spec.alphabet, subject.max_samples(Budget((250, 1000), repetitions=1, images=320))
        ('01', 1000)
    """

    @property
    def spec(self) -> CaptchaSpec:
        """Alphabet, length and size."""
        ...

    @property
    def seed(self) -> int:
        """Seed of images and trainings."""
        ...

    def material(self, samples: int, repetition: int, budget: Budget, allocate: Allocate = ...) -> Material:
        """The images of a training."""
        ...

    def tested(self, count: int, budget: Budget) -> LabelledImages:
        """The first test images of repetition 0."""
        ...

    def pictures(self, count: int, budget: Budget) -> NDArray[np.uint8]:
        """The same without their labels, uint8 `(count, height, width, 3)`."""
        ...

    def description(self) -> dict[str, Any]:
        """What decides its images, as a JSON object."""
        ...

    def max_samples(self, budget: Budget) -> int:
        """How many labelled images there are to learn from."""
        ...


@dataclass(frozen=True)
class Drawn:
    """CAPTCHAs of the `captcha` library.

    Attributes:
        spec: Alphabet, length and size.
        style: The look.
        seed: Seed of the audit; each repetition has a series of its own.

    Example:
        >>> Drawn(seed=1).pictures(2, Budget((250,), repetitions=1, images=320)).shape
        (2, 80, 170, 3)
    """

    spec: CaptchaSpec = field(default_factory=CaptchaSpec)
    style: Style = field(default_factory=Style)
    seed: int = 0

    def with_(self, spec: CaptchaSpec) -> Drawn:
        """The same look with other texts."""
        return replace(self, spec=spec)

    def material(self, samples: int, repetition: int, budget: Budget, allocate: Allocate = in_memory) -> Material:
        """Draw the images of a training; fewer samples are the first of more."""
        with ImageStream() as stream:
            training = self._stream(stream, f"training {repetition}", samples, allocate)
            validation = self._stream(stream, f"validation {repetition}", budget.validation, in_memory)
        test, layouts = self._test(repetition, budget.test)
        properties, fonts = {"contrast": contrast_ratios(test.images)}, None
        if all(layout is not None for layout in layouts):
            for name in ("squeeze", "overlap"):
                properties[name] = np.array([getattr(layout, name) for layout in layouts], np.float32)
            fonts = np.full(test.labels.shape, -1, np.int32)
            for row, layout in enumerate(layouts):
                fonts[row, : len(layout.fonts)] = layout.fonts
        return Material(training, validation, test, properties, fonts)

    def tested(self, count: int, budget: Budget) -> LabelledImages:
        """See `Subject`."""
        return self._test(0, count)[0]

    def pictures(self, count: int, budget: Budget) -> NDArray[np.uint8]:
        """See `Subject`."""
        return self.tested(count, budget).images

    def description(self) -> dict[str, Any]:
        """See `Subject`."""
        return {
            "spec": self.spec.to_json(),
            "style": self.style.to_json(),
            "fonts": font_checksums(self.style),
            "seed": self.seed,
        }

    def max_samples(self, budget: Budget) -> int:
        """See `Subject`: as many as are asked for."""
        return budget.samples[-1]

    def _series(self, part: str) -> Series:
        # A name, not a number: no data set has these images.
        return Series(self.spec, f"audit {self.seed} {part}", style=self.style)

    def _stream(self, stream: ImageStream, part: str, count: int, allocate: Allocate) -> LabelledImages:
        images = allocate((count, self.spec.height, self.spec.width, 3))
        texts: list[str] = []
        for pixels, words in stream.batches(self._series(part), 0, DRAW_BATCH_SIZE, -(-count // DRAW_BATCH_SIZE)):
            wanted = min(len(words), count - len(texts))
            images[len(texts) : len(texts) + wanted] = pixels[:wanted]
            texts += words[:wanted]
        return LabelledImages(images, self.spec.encode_all(texts))

    def _test(self, repetition: int, count: int) -> tuple[LabelledImages, list[Any]]:
        source = self._series(f"test {repetition}").source()
        drawn = [source.image_and_layout(index) for index in range(count)]
        images = np.stack([np.asarray(image) for _, image, _ in drawn])
        labels = self.spec.encode_all(text for text, _, _ in drawn)
        return LabelledImages(images, labels), [layout for _, _, layout in drawn]


@dataclass(frozen=True)
class Folder:
    """Labelled images in a folder, in any layout that `train.py` reads.

    Attributes:
        path: The folder or CSV file.
        alphabet: The alphabet, if the labels do not show all of it.
        seed: Seed of the audit; each repetition has a split of its own.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for number in range(10, 20):
        ...         Image.new("RGB", (40, 24)).save(f"{folder}/{number}.png")
        ...     subject, budget = Folder(folder), Budget((4,), repetitions=1, images=320)
        ...     subject.spec.length, subject.max_samples(budget)
        ('2', 7)
    """

    path: str
    alphabet: str | None = None
    seed: int = 0

    @property
    def spec(self) -> CaptchaSpec:
        """Alphabet, length and size, read off the labels and the images."""
        return _opened(self).infer_spec(self.alphabet)

    def check(self, budget: Budget) -> None:
        """Refuse what cannot be audited before anything is computed.

        Raises:
            InputError: There are too few images, or what should be their labels are mere file names.
            DatasetError: Images or labels are bad, or an image is there twice.
        """
        dataset = _opened(self)
        images = dataset.images(self.spec).images
        _refuse_file_names(dataset)
        _refuse_duplicates(dataset, images)
        most, least = self.max_samples(budget), budget.samples[0]
        if most < least:
            raise InputError(
                f"{self.path} holds {len(dataset):,} labelled images, which leaves {max(most, 0):,} to learn from; "
                f"this audit needs at least {least:,} besides those for validation and test."
            )

    def material(self, samples: int, repetition: int, budget: Budget, allocate: Allocate = in_memory) -> Material:
        """Load the images of a training; fewer samples are the first of more."""
        dataset, (training, validation, test) = _opened(self), self._parts(repetition, budget)
        learned = dataset.images(self.spec, indices=training[:samples], allocate=allocate)
        calibrated = dataset.images(self.spec, indices=validation)
        tested = dataset.images(self.spec, indices=test)
        return Material(learned, calibrated, tested, {"contrast": contrast_ratios(tested.images)}, None)

    def tested(self, count: int, budget: Budget) -> LabelledImages:
        """See `Subject`; a folder may have fewer."""
        return _opened(self).images(self.spec, indices=self._parts(0, budget)[2][:count])

    def pictures(self, count: int, budget: Budget) -> NDArray[np.uint8]:
        """See `Subject`."""
        return self.tested(count, budget).images

    def description(self) -> dict[str, Any]:
        """See `Subject`."""
        fingerprint = _opened(self).fingerprint()
        return {"images": fingerprint, "spec": self.spec.to_json(), "seed": self.seed}

    def max_samples(self, budget: Budget) -> int:
        """See `Subject`."""
        return len(_opened(self)) - sum(self._kept(budget))

    def _kept(self, budget: Budget) -> tuple[int, int]:
        """Images for validation and test."""
        count = len(_opened(self))
        return min(budget.validation, count // VALIDATION_DIVISOR), min(budget.test, count // TEST_DIVISOR)

    def _parts(self, repetition: int, budget: Budget) -> tuple[NDArray[np.int64], ...]:
        validation, test = self._kept(budget)
        order = np.random.default_rng((self.seed, repetition)).permutation(len(_opened(self))).astype(np.int64)
        return order[validation + test :], order[:validation], order[validation : validation + test]


@lru_cache(2)
def _opened(folder: Folder) -> Dataset:
    return open_dataset(folder.path)


def _refuse_duplicates(dataset: Dataset, images: NDArray[np.uint8]) -> None:
    """The copy of an image that was learned from would be read in the test."""
    first: dict[bytes, int] = {}
    names = [record.path.name for record in dataset.records]
    problems = []
    for number, image in enumerate(images):
        other = first.setdefault(hashlib.sha256(image).digest(), number)
        if other != number:
            problems.append(f"{names[number]} ({dataset.texts[number]}) is {names[other]} ({dataset.texts[other]})")
    if problems:
        raise DatasetError(
            f"{dataset.folder} has {len(problems):,} images more than once; keep one of each, since a copy of what was "
            "learned from would count as read:",
            problems,
        )


def _refuse_file_names(dataset: Dataset) -> None:
    """Names such as IMG_0001.png or 0001.png would be taken for texts: IMG for all, or running numbers."""
    texts = dataset.texts
    if len(texts) > 1 and len(set(texts)) == 1:
        raise InputError(f"Every image of {dataset.folder} has the label {texts[0]!r}: they seem to have no labels.")
    if all(text.isascii() and text.isdigit() for text in texts):
        numbers = sorted(map(int, texts))
        if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            raise InputError(f"The labels of {dataset.folder} are running numbers: its images seem to have no labels.")
