"""Draws with fast-captcha: python draw_fast_captcha.py FOLDER COUNT SEED.

By default it draws one of its fonts when a process starts; here each image draws one, as so many processes would.
"""

import random
import sys
from pathlib import Path

from fast_captcha import img_captcha  # type: ignore[import-not-found]
from fast_captcha.img_captcha import get_ttf  # type: ignore[import-not-found]


def main(folder: Path, count: int, seed: str) -> None:
    """Draw the images and write the texts, one a line."""
    fonts = sorted(get_ttf())
    texts = []
    for index in range(count):
        random.seed(f"{seed}/{index}")
        stream, text = img_captcha(font_type=random.choice(fonts))
        folder.joinpath(f"{index:05}.jpg").write_bytes(stream.getvalue())
        texts.append(text)
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
