"""Single characters to learn from, cut out of CAPTCHAs: a folder for each class."""

from __future__ import annotations

import io
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from captcha_keras.dataset.batching import batch_slices
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.dataset.layouts import class_name
from captcha_keras.errors import InputError
from captcha_keras.networks.segmentation import Cutter, cut_all, reason
from captcha_keras.pipeline.augmentation import Augmentation
from captcha_keras.pipeline.distortion import augment
from captcha_keras.spec import CaptchaSpec

# An affine map that keeps a character in its square.
DISTORTION = Augmentation(
    rotation_range=10.0,
    width_shift_range=0.05,
    height_shift_range=0.05,
    shear_range=10.0,
    zoom_range=0.1,
    fill_mode="constant",
    cval=255.0,
)


@dataclass(frozen=True)
class Characters:
    """Characters in memory.

    Attributes:
        images: Black on white, uint8 `(N, side, side, 3)`.
        texts: What each shows.
        reasons: How many images could not be cut, by the reason.
    """

    images: NDArray[np.uint8]
    texts: tuple[str, ...]
    reasons: Counter[str]


def cut_characters(data: LabelledImages, spec: CaptchaSpec, cutter: Cutter) -> Characters:
    """Cut labelled images; those with another number of parts than characters are left out and counted.

    Args:
        data: The images and their labels.
        spec: Their spec.
        cutter: How to cut.
    """
    found, counts = cut_all(cutter, data.images, spec.max_length)
    squares, texts = [], []
    reasons: Counter[str] = Counter()
    for parts, count, row in zip(found, counts, data.labels, strict=True):
        text = spec.decode(row)
        if count == len(text):
            squares += list(np.rint(255 * (1 - parts[: len(text)])).clip(0, 255).astype(np.uint8))
            texts += list(text)
        else:
            reasons[reason(int(count), spec) or f"{count} parts of {len(text)} characters"] += 1
    stacked = np.stack(squares) if squares else np.empty((0, cutter.side, cutter.side), np.uint8)
    return Characters(np.repeat(stacked[..., np.newaxis], 3, axis=-1), tuple(texts), reasons)


def balanced(characters: Characters, per_class: int, seed: int, *, originals: bool = True) -> Characters:
    """As many distorted characters of each class, whatever their numbers were.

    Args:
        characters: The originals.
        per_class: How many distorted ones of each class, each of an original chosen at random.
        seed: Seed of the choice and of the distortion.
        originals: Whether the originals stay among them.
    """
    rng = np.random.default_rng(seed)
    texts = np.array(characters.texts)
    chosen = np.concatenate([rng.choice(np.flatnonzero(texts == text), per_class) for text in sorted(set(texts))])
    drawn = [
        np.asarray(augment(DISTORTION, tf.constant(characters.images[chosen[rows]]), [seed, rows.start]))
        for rows in batch_slices(len(chosen))
    ]
    kept = [characters.images] if originals else []
    return Characters(
        np.concatenate([*kept, *drawn]),
        (*(characters.texts if originals else ()), *texts[chosen].tolist()),
        characters.reasons,
    )


def write_characters(characters: Characters, folder: Path, progress: Callable[[int], None] | None = None) -> None:
    """Write PNG files `A/00000.png`, …; the folder appears when all are there.

    Raises:
        InputError: There is such a folder.
    """
    if folder.exists():
        raise InputError(f"{folder} is there already; name another folder, or remove it.")
    temporary = folder.with_name(f".tmp-{os.getpid()}-{folder.name}")
    try:
        for done, (path, image) in enumerate(_files(characters, temporary), start=1):
            path.parent.mkdir(parents=True, exist_ok=True)
            content = io.BytesIO()
            Image.fromarray(image[..., 0]).save(content, "png")
            path.write_bytes(content.getvalue())
            if progress:
                progress(done)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _files(characters: Characters, folder: Path) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    numbers: Counter[str] = Counter()
    for text, image in zip(characters.texts, characters.images, strict=True):
        yield folder / class_name(text) / f"{numbers[text]:05d}.png", image
        numbers[text] += 1
