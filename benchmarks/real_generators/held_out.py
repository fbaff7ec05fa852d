"""Ten further generators, kept for the final measurement: nothing is tuned to them, nothing describes their looks.

Each is drawn at its defaults; where it has none, an example in its own documentation decides. They are drawn and
measured only where `--held-out` asks for them. Their licenses:

- MIT: php-gregwar-captcha, ruby-simple-captcha2, claptcha, fast-captcha, deepcaptcha, pyimgcaptcha
- BSD: captchapng; Apache 2.0: easy-captcha-python; GPL 3: multicolorcaptcha; Artistic or GPL: libgd-securityimage-perl
"""

from __future__ import annotations

from benchmarks.real_generators.generators import DIGITS, LOWER, PILLOW, UPPER, Generator

# Without I, L and O.
_CLEAR_UPPER = "ABCDEFGHJKMNPQRSTUVWXYZ"

_ALL = (
    # Its check also takes 1 for l, which no reader is told.
    Generator(
        "php-gregwar-captcha",
        "Debian",
        ("php-gregwar-captcha=1.1.9*",),
        "abcdefghijklmnpqrstuvwxyz123456789" + UPPER,
        5,
        True,
        "draw_gregwar.php",
        system=("php-cli", "php-gd"),
    ),
    Generator(
        "libgd-securityimage-perl",
        "Debian",
        ("libgd-securityimage-perl=1.75*",),
        DIGITS,
        6,
        False,
        "draw_securityimage.pl",
    ),
    Generator(
        "ruby-simple-captcha2",
        "Debian",
        ("ruby-simple-captcha2=0.5.0*",),
        UPPER,
        5,
        True,
        "draw_simple_captcha.rb",
        system=("ruby", "imagemagick", "gsfonts"),  # ImageMagick's own default is Helvetica, which gsfonts stands for
    ),
    Generator("captchapng", "npm", ("captchapng@0.0.1", "pnglib@0.0.1"), DIGITS, 4, False, "draw_captchapng.js"),
    # It needs a Pillow that still has the method getsize.
    Generator(
        "claptcha",
        "PyPI",
        ("claptcha==0.3.3", "pillow==9.5.0"),
        UPPER,
        6,
        False,
        "draw_claptcha.py",
        system=("fonts-freefont-ttf",),
    ),
    Generator(
        "multicolorcaptcha",
        "PyPI",
        ("multicolorcaptcha==1.2.0", PILLOW),
        DIGITS,
        4,
        False,
        "draw_multicolor.py",
    ),
    Generator(
        "easy-captcha-python",
        "PyPI",
        ("easy-captcha-python==1.0.0", PILLOW),
        "23456789" + _CLEAR_UPPER + _CLEAR_UPPER.lower(),
        5,
        True,
        "draw_easy_captcha.py",
    ),
    Generator(
        "fast-captcha",
        "PyPI",
        ("fast-captcha==0.3.2", PILLOW),
        DIGITS + UPPER + LOWER,
        4,
        False,
        "draw_fast_captcha.py",
    ),
    Generator(
        "deepcaptcha",
        "PyPI",
        ("deepcaptcha==1.0.2", PILLOW, "numpy==2.4.6"),
        UPPER + DIGITS,
        5,
        False,
        "draw_deepcaptcha.py",
    ),
    Generator(
        "pyimgcaptcha",
        "PyPI",
        ("pyimgcaptcha==0.1.2", PILLOW),
        "23456789ABCDEFGHJKLMNPQRSTUVWXYZ",
        6,
        False,
        "draw_pyimgcaptcha.py",
    ),
)
HELD_OUT = {generator.name: generator for generator in _ALL}
