"""Draws with deepcaptcha: python draw_deepcaptcha.py FOLDER COUNT SEED."""

import random
import sys
import zlib
from pathlib import Path

import numpy as np
from deepcaptcha import DeepCaptcha  # type: ignore[import-not-found]


def main(folder: Path, count: int, seed: str) -> None:
    """Draw the images and write the texts, one a line."""
    captcha = DeepCaptcha()
    # The fonts come in the order of the file system.
    captcha.fonts.sort(key=lambda font: (font.path, font.size))
    texts = []
    for index in range(count):
        random.seed(f"{seed}/{index}")
        np.random.seed(zlib.crc32(f"{seed}/{index}".encode()))  # noqa: NPY002
        image, text = captcha.generate()
        image.save(folder / f"{index:05}.png")
        texts.append(text)
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
