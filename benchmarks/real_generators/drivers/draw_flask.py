"""Draws with flask-simple-captcha: python draw_flask.py FOLDER COUNT SEED."""

import base64
import random
import sys
from pathlib import Path

from flask_simple_captcha import CAPTCHA, captcha_generation  # type: ignore[import-not-found]


def main(folder: Path, count: int, seed: str) -> None:
    """Draw the images and write the texts, one a line."""
    # The slow hash of the text goes into a form, not into the image.
    captcha_generation.jwtencrypt = lambda *_, **__: ""
    captcha = CAPTCHA({"SECRET_CAPTCHA_KEY": "none"})
    # The package keeps characters in sets, whose order differs from process to process.
    captcha.characters = tuple(sorted(captcha.characters))
    texts = []
    for index in range(count):
        random.seed(f"{seed}/{index}")
        drawn = captcha.create()
        folder.joinpath(f"{index:05}.jpg").write_bytes(base64.b64decode(drawn["img"]))
        texts.append(drawn["text"])
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
