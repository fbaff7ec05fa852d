"""Draws with easy-captcha-python: python draw_easy_captcha.py FOLDER COUNT SEED."""

import io
import random
import sys
from pathlib import Path
from types import SimpleNamespace

from easy_captcha import SpecCaptcha  # type: ignore[import-not-found]
from easy_captcha.base import randoms  # type: ignore[import-not-found]


def main(folder: Path, count: int, seed: str) -> None:
    """Draw the images and write the texts, one a line."""
    # All that it draws comes from here, and the system's secure random numbers have no seed.
    randoms.secrets = SimpleNamespace(randbelow=random.randrange)
    texts = []
    for index in range(count):
        random.seed(f"{seed}/{index}")
        captcha, stream = SpecCaptcha(), io.BytesIO()
        captcha.out(stream)
        folder.joinpath(f"{index:05}.png").write_bytes(stream.getvalue())
        texts.append(captcha.text())
    folder.joinpath("labels.txt").write_text("\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
