"""Draws with pyimgcaptcha: python draw_pyimgcaptcha.py FOLDER COUNT SEED; where Arial is missing, in Pillow's font."""

import random
import sys
from pathlib import Path

from pyimgcaptcha import generate_captcha  # type: ignore[import-not-found]


def main(folder: Path, count: int, seed: str) -> None:
    """Draw the images and write the texts, one a line."""
    texts = []
    for index in range(count):
        random.seed(f"{seed}/{index}")
        texts.append(generate_captcha(str(folder / f"{index:05}.png")))
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
