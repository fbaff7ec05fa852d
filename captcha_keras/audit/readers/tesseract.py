"""Tesseract, a program of the system."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captcha_keras.audit.readers.ctc import into_alphabet
from captcha_keras.audit.readers.reader import Lengths

PROGRAM = "tesseract"
# It puts one between two images; an image itself has none.
SEPARATOR = "\f"


def tesseract() -> Tesseract | None:
    """The program that is installed; None if there is none.

    Example:
        >>> reader = tesseract()
        >>> reader is None or reader.name == "tesseract"
        True
    """
    path = shutil.which(PROGRAM)
    return None if path is None else Tesseract(path)


class Tesseract:
    """Reads each image as one line of text; it cannot be told the length.

    Args:
        path: The program.

    Example:
        >>> Tesseract("no-such-program").read([], None, None)
        []
    """

    name = "tesseract"

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, images: Sequence[NDArray[np.uint8]], alphabet: str | None, length: Lengths | None) -> list[str]:
        """See `Reader`.

        Raises:
            RuntimeError: The program failed; the message ends with its last line.
        """
        if not images:
            return []
        options = ["--psm", "7", "-c", f"page_separator={SEPARATOR}"]
        if alphabet is not None:
            options += ["-c", f"tessedit_char_whitelist={both_cases(alphabet)}"]
        with tempfile.TemporaryDirectory(prefix="captcha-keras-") as folder:
            files = [Path(folder, f"{number}.png") for number in range(len(images))]
            for file, pixels in zip(files, images, strict=True):
                Image.fromarray(pixels).save(file)
            # One process for all of them: most of its time is its start.
            wanted = Path(folder, "images.txt")
            wanted.write_text("".join(f"{file}\n" for file in files), "utf-8")
            done = subprocess.run(
                [self._path, str(wanted), "stdout", *options],
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
                env=os.environ | {"OMP_THREAD_LIMIT": "1"},
            )
        if done.returncode:
            last = (done.stderr.decode("utf-8", "replace").strip() or "no message").splitlines()[-1]
            raise RuntimeError(f"{PROGRAM} ended with {done.returncode}: {last}")
        texts = done.stdout.decode("utf-8", "replace").split(SEPARATOR)
        # Before version 5 one comes after the last image too.
        if len(texts) == len(images) + 1 and not texts[-1].strip():
            texts.pop()
        if len(texts) != len(images):
            raise RuntimeError(f"{PROGRAM} gave {len(texts)} texts for {len(images)} images")
        joined = ["".join(text.split()) for text in texts]
        if alphabet is None:
            return joined
        return ["".join(into_alphabet(character, alphabet) for character in text) for text in joined]


def both_cases(alphabet: str) -> str:
    """The alphabet, and after it the other case of each letter that has but one in it.

    Example:
        >>> both_cases("aBb7")
        'aBb7A'
    """
    others = [character.swapcase() for character in alphabet]
    return alphabet + "".join(other for other in others if other not in alphabet)
