"""Draws with claptcha: python draw_claptcha.py FOLDER COUNT SEED; font and texts are those of its readme."""

import random
import string
import sys
from pathlib import Path

from claptcha import Claptcha  # type: ignore[import-not-found]

FONT = "/usr/share/fonts/truetype/freefont/FreeMono.ttf"


def main(folder: Path, count: int, seed: str) -> None:
    """Draw the images and write the texts, one a line."""
    captcha = Claptcha(lambda: "".join(random.choice(string.ascii_uppercase) for _ in range(6)), FONT)
    texts = []
    for index in range(count):
        random.seed(f"{seed}/{index}")
        text, _ = captcha.write(str(folder / f"{index:05}.png"))
        texts.append(text)
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
