"""The images of an evaluation: a run's test images, another folder, or freshly drawn ones."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import data_gen
from captcha_keras.console import ProgressBar
from captcha_keras.dataset import Dataset, load, open_dataset, split
from captcha_keras.errors import InputError
from captcha_keras.fresh import series_like
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.run_folder import RunFolder


@dataclass(frozen=True)
class LabelledImages:
    """Images in memory.

    Attributes:
        images: uint8 RGB `(N, height, width, 3)`.
        labels: int32 class numbers `(N, L)`.
        names: The file name of each image.
        source: What they are, in words.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    names: tuple[str, ...]
    source: str


def images_to_evaluate(
    run: RunFolder,
    *,
    folder: Path | None = None,
    part: str | None = None,
    fresh: int | None = None,
    fresh_seed: int = 0,
    fonts: Sequence[str] = (),
) -> LabelledImages:
    """Load or draw the images that a run is measured on.

    Args:
        run: The run; its recorded split and drawing settings are used.
        folder: Another data set; images of another size are resized to the network's.
        part: "test" (the images that training never saw; the default on the run's own data) or "all".
        fresh: Draw this many new images instead.
        fresh_seed: Their seed.
        fonts: Their fonts.

    Raises:
        InputError: The choice makes no sense, or the data is bad.
    """
    if fresh is not None:
        if folder is not None or part is not None:
            raise InputError("--fresh draws its own images; leave out --data and --split.")
        return _draw(run, fresh, fresh_seed, fonts)
    record = run.read_record()
    dataset = open_dataset(folder or record["dataset"]["folder"])
    own = dataset.fingerprint() == record["dataset"]["fingerprint"]
    part = part or ("test" if own or folder is None else "all")
    if part == "test" and not own:
        raise InputError(
            f"{dataset.folder} is not the data set that {run.path} was trained on, so its test images are unknown; "
            "take --split all."
        )
    indices = np.arange(len(dataset))
    words = f"all {len(indices):,} images of {dataset.folder}"
    if part == "test":
        config = run.read_config()
        indices = split(len(dataset), config.split_seed, config.validation_share, config.test_share).test
        words = f"the {len(indices):,} test images of {dataset.folder}"
    elif own:
        words += ", training images among them"
    return _load(dataset, indices, run.read_spec(), words)


def _draw(run: RunFolder, count: int, seed: int, fonts: Sequence[str]) -> LabelledImages:
    spec = run.read_spec()
    series = series_like(run.read_record()["dataset"]["description"], spec, seed, fonts)
    settings = data_gen.Settings(series.spec, count, seed, series.image_format, series.style, series.distinct)
    with tempfile.TemporaryDirectory(prefix="captcha-keras-") as directory:
        folder = Path(directory) / "fresh"
        data_gen.generate(
            settings,
            folder,
            progress=lambda done, total: ProgressBar("Drawing", total, started_at=done),
        )
        words = f"{count:,} freshly drawn images, seed {seed}"
        return _load(open_dataset(folder), np.arange(count), spec, words)


def _load(dataset: Dataset, indices: NDArray[np.int64], spec: CaptchaSpec, source: str) -> LabelledImages:
    images, labels = load(dataset, spec, indices=indices, resize=True)
    names = tuple(dataset.records[index].name for index in indices)
    return LabelledImages(images, labels, names, source)
