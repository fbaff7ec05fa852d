"""Characters of fonts in the format of EMNIST's CSV files, for who has not the data set itself.

python -m benchmarks.peers.emnist_format --output data/emnist --per-class 400

EMNIST (https://www.nist.gov/itl/products-and-services/emnist-dataset) is handwriting and cannot be bundled. These are
the same 47 classes of By_Merge, drawn with the fonts that the project's requirements bring along, each character
rotated, sheared, blurred and put into 28x28 pixels as EMNIST's authors did: its longer side takes 24 pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from captcha.image import DEFAULT_FONTS
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from captcha_keras.files import write_bytes

CLASSES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
SIDE, INNER = 28, 24
DRAWN = 128
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", "STIXGeneral.ttf")


def fonts() -> list[str]:
    """Paths of the fonts."""
    folder = Path(get_data_path()) / "fonts" / "ttf"
    return [*DEFAULT_FONTS, *(str(folder / name) for name in FONTS)]


def character(text: str, font: ImageFont.FreeTypeFont, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One character, white on black: uint8 `(28, 28)`."""
    canvas = Image.new("L", (2 * DRAWN, 2 * DRAWN))
    ImageDraw.Draw(canvas).text((DRAWN, DRAWN), text, fill=255, font=font, anchor="mm")
    shear = float(rng.uniform(-0.2, 0.2))
    canvas = canvas.transform(
        canvas.size, Image.Transform.AFFINE, (1, shear, -shear * DRAWN, 0, 1, 0), Image.Resampling.BICUBIC
    )
    canvas = canvas.rotate(float(rng.uniform(-30, 30)), Image.Resampling.BICUBIC)
    canvas = canvas.filter(ImageFilter.GaussianBlur(1))
    canvas = canvas.crop(canvas.getbbox())
    scale = INNER / max(canvas.size)
    width, height = (max(1, round(scale * length)) for length in canvas.size)
    result = Image.new("L", (SIDE, SIDE))
    result.paste(canvas.resize((width, height), Image.Resampling.BICUBIC), ((SIDE - width) // 2, (SIDE - height) // 2))
    return np.asarray(result)


def write(folder: Path, per_class: int, seed: int = 0) -> None:
    """Write `emnist-bymerge-mapping.txt` and `emnist-bymerge-train.csv`."""
    rng = np.random.default_rng(seed)
    loaded = [ImageFont.truetype(path, DRAWN) for path in fonts()]
    lines = []
    for index in rng.permutation(per_class * len(CLASSES)):
        label = int(index) % len(CLASSES)
        image = character(CLASSES[label], loaded[int(rng.integers(len(loaded)))], rng)
        lines.append(",".join(map(str, [label, *image.T.ravel()])))
    folder.mkdir(parents=True, exist_ok=True)
    mapping = "".join(f"{label} {ord(text)}\n" for label, text in enumerate(CLASSES))
    write_bytes(folder / "emnist-bymerge-mapping.txt", mapping.encode())
    write_bytes(folder / "emnist-bymerge-train.csv", ("\n".join(lines) + "\n").encode())


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("data/emnist"), metavar="DIR", help="%(default)s")
    parser.add_argument("--per-class", type=int, default=400, metavar="N", help="characters a class (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="%(default)s")
    given = parser.parse_args()
    write(given.output, given.per_class, given.seed)
    print(f"{given.output} holds {given.per_class * len(CLASSES):,} characters of {len(CLASSES)} classes.")


if __name__ == "__main__":
    main()
