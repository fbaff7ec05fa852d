"""The three audits of docs/audit.md: the library's default, digits alone, and the strongest that people can still read.

python -m benchmarks.three_audits                      hours
python -m benchmarks.three_audits --only digits --seed 1 --no-changes

Each is `captcha-keras audit` with a style file that is written here, into runs/audits/<name>-<budget>-<seed>.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import matplotlib as mpl
from captcha.image import DEFAULT_FONTS

from captcha_keras.cli import audit

FONTS = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "STIXGeneral.ttf")  # matplotlib brings them
SETTINGS = {
    "default": "",
    "digits": 'alphabet = "digits"\n',
    # What the library has parameters for, as far as one can still read it; no characters that look alike.
    "strong": """length = "6-8"
alphabet = "3479ACDEFHKLMNPQRTUVWXYabdehn"
width = 250
character_rotate = [-40, 40]
character_warp_dx = [0.3, 0.5]
word_offset_dx = 0.35
fonts = ["DroidSansMono.ttf", "DejaVuSans.ttf", "DejaVuSerif.ttf", "STIXGeneral.ttf"]
""",
}


def write_settings(folder: Path) -> dict[str, Path]:
    """Write the style files and the fonts beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    bundled = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for font in (Path(DEFAULT_FONTS[0]), *(bundled / name for name in FONTS)):
        shutil.copyfile(font, folder / font.name)
    paths = {name: folder / f"{name}.toml" for name in SETTINGS}
    for name, path in paths.items():
        path.write_text(SETTINGS[name], "utf-8")
    return paths


def main() -> int:
    """Run the audits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS), metavar="NAME")
    parser.add_argument("--budget", default="standard", help="%(default)s")
    parser.add_argument("--seed", type=int, default=0, help="%(default)s")
    parser.add_argument(
        "--changes", action=argparse.BooleanOptionalAction, default=True, help="see captcha-keras audit"
    )
    parser.add_argument("--to", type=Path, default=Path("runs/audits"), metavar="DIR", help="%(default)s")
    given = parser.parse_args()
    paths = write_settings(given.to / "settings")
    for name in given.only:
        folder = given.to / f"{name}-{given.budget}-{given.seed}"
        options = ["--budget", given.budget, "--seed", str(given.seed), "--to", str(folder)]
        options += [] if given.changes else ["--no-changes"]
        status = audit.main([str(paths[name]), *options])
        if status:
            return status
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
