"""The images of an evaluation: a run's test images, another folder, or freshly drawn ones."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.errors import InputError
from captcha_keras.training.data import recorded_split
from captcha_keras.training.run_folder import RunFolder
from data_gen.fresh import FRESH_SEED, series_like
from data_gen.generate import generate_dataset
from data_gen.settings import Settings


def images_to_evaluate(
    run: RunFolder,
    *,
    folder: Path | None = None,
    part: str | None = None,
    fresh: int | None = None,
    fresh_seed: int = FRESH_SEED,
    fonts: Sequence[str] = (),
    progress: Callable[[str, int], Callable[[int], None]] | None = None,
) -> LabelledImages:
    """Load or draw the images that a run is measured on.

    Args:
        run: The run; its recorded split and drawing settings are used.
        folder: Another data set; images of another size are resized to the network's.
        part: "test" (the images that training never saw; the default on the run's own data) or "all".
        fresh: Draw this many new images instead.
        fresh_seed: Their seed.
        fonts: Paths of their fonts, if the run's data set has own ones.
        progress: Called with what is done and its number of steps; returns what is told how many are done.

    Raises:
        InputError: The choice makes no sense, the data is bad, or the run's images were not drawn by `data_gen`.

    Example:
        >>> from captcha_keras.spec import CaptchaSpec
        >>> from data_gen import Series
        >>> drawn = Settings(Series(CaptchaSpec("01", 2, 2, 40, 24)), count=20).description()
        >>> run = RunFolder(Path())
        >>> run.write_record({"settings": {}, "spec": drawn["spec"], "dataset": {"description": drawn}})
        >>> images_to_evaluate(run, fresh=3).source
        '3 freshly drawn images, seed 1000003'
    """
    if fresh is not None:
        if folder is not None or part is not None:
            raise InputError("--fresh draws its own images; leave out --data and --split.")
        return _draw(run, fresh, fresh_seed, fonts, progress)
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
    source = f"all {len(indices):,} images of {dataset.folder}"
    if part == "test":
        indices = recorded_split(run, dataset).test
        source = f"the {len(indices):,} test images of {dataset.folder}"
    elif own:
        source += ", training images among them"
    return replace(dataset.images(run.read_spec(), indices=indices, resize=True), source=source)


def _draw(
    run: RunFolder,
    count: int,
    seed: int,
    fonts: Sequence[str],
    progress: Callable[[str, int], Callable[[int], None]] | None,
) -> LabelledImages:
    series = series_like(run.read_record()["dataset"]["description"], seed, fonts)
    with tempfile.TemporaryDirectory(prefix="captcha-keras-") as directory:
        folder = Path(directory) / "fresh"
        show = (lambda done, total: progress("Drawing", total)) if progress else None
        generate_dataset(Settings(series, count), folder, progress=show)
        data = open_dataset(folder).images(run.read_spec(), resize=True)
    return replace(data, source=f"{count:,} freshly drawn images, seed {seed}")
