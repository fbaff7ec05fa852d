"""Datasets of single characters, cut out of CAPTCHAs, with one folder per class."""

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

# Affine distortions that keep a character inside its crop.
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
    """Labelled images of single characters in memory; `cut_characters` makes them.

    Attributes:
        images: Dark on white, uint8 RGB `(N, side, side, 3)`.
        texts: The character of each image.
        reasons: How many CAPTCHAs could not be cut, by reason.

    Example:
        >>> Characters(np.zeros((2, 20, 20, 3), np.uint8), ("A", "B"), Counter({"no ink": 1})).reasons.total()
        1
    """

    images: NDArray[np.uint8]
    texts: tuple[str, ...]
    reasons: Counter[str]


def cut_characters(data: LabelledImages, spec: CaptchaSpec, cutter: Cutter) -> Characters:
    """Cut labelled CAPTCHAs into their characters.

    CAPTCHAs whose number of parts is not the number of their characters are left out and counted.

    Args:
        data: The CAPTCHAs.
        spec: Their spec.
        cutter: Settings of the segmentation.

    Example:
        >>> spec = CaptchaSpec("AB", 2, 2, width=100, height=40)
        >>> images = np.full((2, 40, 100, 3), 255, np.uint8)
        >>> images[0, 10:30, 20:30] = images[0, 10:30, 60:70] = 0  # the first has two characters, the second no ink
        >>> characters = cut_characters(LabelledImages(images, spec.encode_all(["AB", "BA"])), spec, Cutter(side=20))
        >>> characters.texts, dict(characters.reasons)
        (('A', 'B'), {'no ink': 1})
    """
    found, counts = cut_all(cutter, data.images, spec.max_length)
    crops, texts = [], []
    reasons: Counter[str] = Counter()
    for parts, count, row in zip(found, counts, data.labels, strict=True):
        text = spec.decode(row)
        if count == len(text):
            crops += list(np.rint(255 * (1 - parts[: len(text)])).clip(0, 255).astype(np.uint8))
            texts += list(text)
        else:
            reasons[reason(int(count), spec) or f"{count} parts of {len(text)} characters"] += 1
    # Grey (M, side, side) to RGB (M, side, side, 3)
    stacked = np.stack(crops) if crops else np.empty((0, cutter.side, cutter.side), np.uint8)
    return Characters(np.repeat(stacked[..., np.newaxis], 3, axis=-1), tuple(texts), reasons)


def balanced(characters: Characters, per_class: int, seed: int, *, originals: bool = True) -> Characters:
    """Balance the classes: the same number of distorted copies for each.

    Args:
        characters: The originals.
        per_class: Copies of each class, each of an original drawn at random.
        seed: Seed of the draw and of the distortions.
        originals: Whether the originals come along, before the copies.

    Example:
        >>> three = Characters(np.zeros((3, 20, 20, 3), np.uint8), ("A", "A", "B"), Counter())
        >>> Counter(balanced(three, per_class=4, seed=0, originals=False).texts)
        Counter({'A': 4, 'B': 4})
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
    """Write a dataset folder of PNG files `A/00000.png`, …; it appears once it is complete.

    Args:
        characters: What to write.
        folder: The new folder.
        progress: Called with the number of files written so far.

    Raises:
        InputError: The folder exists already.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "characters"
        >>> write_characters(Characters(np.zeros((2, 20, 20, 3), np.uint8), ("A", "B"), Counter()), folder)
        >>> sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
        ['A/00000.png', 'B/00000.png']
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
