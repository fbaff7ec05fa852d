"""Draws with gvcode: python draw_gvcode.py FOLDER COUNT SEED."""

import random
import sys
from pathlib import Path

from gvcode import VFCode  # type: ignore[import-not-found]


def main(folder: Path, count: int, seed: str) -> None:
    """Draw the images and write the texts, one a line."""
    captcha = VFCode()
    texts = []
    for index in range(count):
        random.seed(f"{seed}/{index}")
        captcha.generate_mix()
        folder.joinpath(f"{index:05}.png").write_bytes(captcha.get_img_bytes())
        texts.append(captcha.code)
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
