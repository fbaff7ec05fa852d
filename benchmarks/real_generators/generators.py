"""The generators: where each comes from, and what its texts are."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Literal

PILLOW = "pillow==13.0.0"
LIBERATION_FONTS = "fonts-liberation=1:1.07.4*"


@dataclass(frozen=True)
class Generator:
    """A generator at its defaults.

    Attributes:
        name: Its name in its registry, and the name of the folder of its images.
        registry: Where it comes from.
        packages: What is installed, the generator first, with exact versions; of Debian's packages the upstream ones.
        alphabet: The characters of its texts.
        length: How many characters each text has.
        folds_case: Whether the check that comes with it takes a small letter for a capital one.
        driver: The program in `drivers/` that draws: its arguments are a folder, a count and a seed.
        seeded: Whether the seed decides what is drawn; else each drawing is another.
        system: Debian's packages that it needs besides.
    """

    name: str
    registry: Literal["PyPI", "npm", "Debian"]
    packages: tuple[str, ...]
    alphabet: str
    length: int
    folds_case: bool
    driver: str
    seeded: bool = True
    system: tuple[str, ...] = ()


UPPER, LOWER, DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits

_ALL = (
    Generator(
        "django-simple-captcha",
        "PyPI",
        ("django-simple-captcha==0.7.0", "django==5.2.19", PILLOW),
        UPPER,
        4,
        True,
        "draw_django.py",
    ),
    Generator(
        "svg-captcha",
        "npm",
        ("svg-captcha@1.4.0", "@resvg/resvg-js@2.6.2"),
        DIGITS + UPPER + LOWER,
        4,
        False,
        "draw_svg.js",
    ),
    Generator(
        "wheezy.captcha",
        "PyPI",
        ("wheezy.captcha==3.2.2", PILLOW),
        "23456789ABCDEFGHJKLMNPQRSTUVWXYZ",
        4,
        True,
        "draw_wheezy.py",
        system=(LIBERATION_FONTS,),
    ),
    Generator(
        "flask-simple-captcha",
        "PyPI",
        ("flask-simple-captcha==5.5.5", PILLOW),
        "ABCDEFGHJKLMNPQRSTUVWXYZ",
        6,
        True,
        "draw_flask.py",
    ),
    # Its texts never have e, g or z, which a reader is not told.
    Generator("trek-captcha", "npm", ("trek-captcha@0.4.0",), LOWER, 5, False, "draw_trek.js"),
    Generator("gvcode", "PyPI", ("gvcode==1.0.3", PILLOW), DIGITS + UPPER + LOWER, 5, False, "draw_gvcode.py"),
    Generator(
        "php-text-captcha",
        "Debian",
        ("php-text-captcha=1.0.2*", "php-text-password=1.2.1*", "php-image-text=0.7.0*"),
        LOWER,
        8,
        False,
        "draw_text_captcha.php",
        seeded=False,  # the texts come from the system's secure random numbers
        system=("php-cli", "php-gd", LIBERATION_FONTS),
    ),
    Generator(
        "libauthen-captcha-perl",
        "Debian",
        ("libauthen-captcha-perl=1.024*",),
        "2345678" + LOWER[:-1],
        5,
        True,
        "draw_authen.pl",
    ),
)
GENERATORS = {generator.name: generator for generator in _ALL}
