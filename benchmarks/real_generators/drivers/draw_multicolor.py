"""Draws with multicolorcaptcha: python draw_multicolor.py FOLDER COUNT SEED."""

import random
import sys
from pathlib import Path

from multicolorcaptcha import CaptchaGenerator  # type: ignore[import-not-found]


def main(folder: Path, count: int, seed: str) -> None:
    """Draw the images and write the texts, one a line."""
    captcha = CaptchaGenerator()
    # The fonts come in the order of the file system.
    captcha.l_fonts.sort()
    texts = []
    for index in range(count):
        random.seed(f"{seed}/{index}")
        drawn = captcha.gen_captcha_image()
        drawn.image.save(folder / f"{index:05}.png")
        texts.append(drawn.characters)
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
