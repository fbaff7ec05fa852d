"""Draws with wheezy.captcha: python draw_wheezy.py FOLDER COUNT SEED.

The drawings, their order and the JPEG quality are those of the module's own `__main__`; characters and length are those
of its `CaptchaContext`, which draws without replacement. Of the two fonts that it names, Courier New Bold is not free
and is left out; Liberation Mono Bold has the same widths.
"""

import random
import sys
from pathlib import Path

from wheezy.captcha import image  # type: ignore[import-not-found]

FONT = "/usr/share/fonts/truetype/liberation/LiberationMono-Bold.ttf"
CHARACTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def main(folder: Path, count: int, seed: str) -> None:
    """Draw the images and write the texts, one a line."""
    render = image.captcha(
        drawings=[
            image.background(),
            image.text(fonts=[FONT], drawings=[image.warp(), image.rotate(), image.offset()]),
            image.curve(),
            image.noise(),
            image.smooth(),
        ]
    )
    texts = []
    for index in range(count):
        random.seed(f"{seed}/{index}")
        text = "".join(random.sample(CHARACTERS, 4))
        render(text).save(folder / f"{index:05}.jpg", "JPEG", quality=75)
        texts.append(text)
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
