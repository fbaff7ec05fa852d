"""A data set that was opened: its labelled images, not yet decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from captcha_keras.dataset.images import ImageError
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.dataset.load import Allocate, in_memory, load_records
from captcha_keras.dataset.records import Record
from captcha_keras.dataset.split import split_indices
from captcha_keras.errors import DatasetError
from captcha_keras.spec import CaptchaSpec, SpecError

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Dataset:
    """Labelled images of a folder; `open_dataset` makes it.

    Attributes:
        folder: The folder.
        records: The labelled images in order.
        description: `dataset.json` of a folder drawn by `data_gen.py`, else None.
        problems: A line for each bad file or label found so far; `images` raises on them.
        known_spec: The spec of the data set that this is a part of; None for a whole one.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from data_gen import Series, Settings, generate_dataset
        >>> folder = Path(tempfile.mkdtemp()) / "captcha"
        >>> drawn = generate_dataset(Settings(Series(CaptchaSpec()), count=20), folder)
        >>> from captcha_keras import open_dataset
        >>> dataset = open_dataset(folder)
        >>> train, validation, test = dataset.split()
        >>> len(train), len(validation), len(test)
        (16, 2, 2)
        >>> train.images().images.shape
        (16, 80, 170, 3)
    """

    folder: Path
    records: tuple[Record, ...]
    description: Mapping[str, Any] | None = None
    problems: tuple[str, ...] = ()
    known_spec: CaptchaSpec | None = None

    def __len__(self) -> int:
        return len(self.records)

    @property
    def texts(self) -> list[str]:
        """The text of each image."""
        return [record.text for record in self.records]

    def fingerprint(self) -> str:
        """SHA-256 over names, texts and recorded checksums, to notice that a folder is another one."""
        digest = hashlib.sha256()
        if self.description is not None:
            digest.update(str(self.description.get("sha256")).encode())
        for record in self.records:
            digest.update(f"{record.name}\t{record.text}\n".encode())
        return digest.hexdigest()

    def infer_spec(self, alphabet: str | None = None) -> CaptchaSpec:
        """The spec of the folder: recorded, or else read off the labels and the first readable image.

        Args:
            alphabet: The alphabet to use instead of the recorded or observed one.

        Raises:
            DatasetError: The labels cannot be texts of CAPTCHAs, or no image can be read.
        """
        known = self.known_spec
        if known is None and self.description is not None:
            known = CaptchaSpec.from_json(self.description["spec"])
        if known is not None:
            return known if alphabet is None else replace(known, alphabet=alphabet)
        height, width = self.first_size()
        lengths = [len(text) for text in self.texts]
        try:
            return CaptchaSpec(
                alphabet=alphabet or "".join(sorted(set("".join(self.texts)))),
                min_length=min(lengths),
                max_length=max(lengths),
                width=width,
                height=height,
            )
        except SpecError as error:
            first = self.records[0]
            raise DatasetError(
                f"The images of {self.folder} have labels that are no texts of CAPTCHAs, such as {first.text!r} from "
                f"{first.source}: {error}"
            ) from error

    def first_size(self) -> tuple[int, int]:
        """Height and width of the first readable image.

        Raises:
            DatasetError: There is none.
        """
        for record in self.records:
            try:
                height, width, _ = record.read().shape
            except ImageError:
                continue
            return height, width
        raise DatasetError(f"{self.folder} has no readable image.", self.problems)

    def subset(self, indices: NDArray[np.int64]) -> Dataset:
        """Some of the images, with the alphabet and lengths of all of them."""
        records = tuple(self.records[index] for index in indices)
        return replace(self, records=records, known_spec=self.infer_spec())

    def split(self, validation: float = 0.1, test: float = 0.1, seed: int = 0) -> tuple[Dataset, Dataset, Dataset]:
        """Split at random into training, validation and test images, as `train` does.

        Args:
            validation: Fraction of the images for validation, 0 to 1.
            test: Fraction of the images for testing, 0 to 1.
            seed: Seed of the split.

        Raises:
            DatasetError: A fraction is out of range or leaves a part empty.
        """
        parts = split_indices(len(self), seed, validation, test)
        return self.subset(parts.train), self.subset(parts.validation), self.subset(parts.test)

    def images(
        self,
        spec: CaptchaSpec | None = None,
        *,
        indices: NDArray[np.int64] | None = None,
        resize: bool = False,
        allocate: Allocate = in_memory,
        progress: Callable[[int], None] | None = None,
    ) -> LabelledImages:
        """Decode the images and encode the texts; check every one of them.

        Args:
            spec: What the images and texts must be; by default what `infer_spec` finds.
            indices: Which images to decode; all by default. Labels are checked for these alone.
            resize: Resize images of another size, as long as all have the same size, instead of refusing them. A spec
                with `keep_aspect` takes images of any size.
            allocate: Makes the image array from its shape, for one that lives on disk.
            progress: Called with the number of images decoded so far.

        Returns:
            uint8 images `(N, height, width, 3)` and int32 class ids `(N, max_length)`.

        Raises:
            DatasetError: At least one file or label is bad; every one is counted.
        """
        return load_records(
            self.records if indices is None else [self.records[index] for index in indices],
            spec or self.infer_spec(),
            self.folder,
            problems=self.problems,
            image_size=self.first_size() if resize else None,
            allocate=allocate,
            progress=progress,
        )

    def to_tf(self, batch_size: int | None = None) -> tf.data.Dataset:
        """The decoded images as a `tf.data.Dataset`, in order; needs TensorFlow.

        Args:
            batch_size: Images of a batch; None for single images.

        Returns:
            Pairs of a uint8 image `(height, width, 3)` and int32 class ids `(max_length,)`, each with a leading batch
            dimension if `batch_size` is given.

        Raises:
            DatasetError: At least one file or label is bad.
        """
        import tensorflow as tf

        data = self.images()
        pairs = tf.data.Dataset.from_tensor_slices((data.images, data.labels))
        return pairs if batch_size is None else pairs.batch(batch_size)
