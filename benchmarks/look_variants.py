"""The rows of `benchmarks.look_ablations`: trainings on random looks that differ from the first in one thing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen import LookSettings, Series
from data_gen.looks.compose import INGREDIENTS
from data_gen.looks.fonts import families_of, installed_fonts
from data_gen.looks.settings import ANY_SPEC, REVISION

if TYPE_CHECKING:
    from captcha_keras.training.config import TrainConfig

Row = dict[str, Any]
# The losses of so many parts of a training are printed.
EPOCHS = 10
WEIGHT = 4
# Letters whose two cases differ in little but size.
BOTH_CASES_ALIKE = "CcKkOoPpSsUuVvWwXxZz"


@dataclass(frozen=True)
class Variant:
    """A training; the defaults are those of the baseline.

    Attributes:
        without: Ingredients that no training image has, or families of them.
        fonts: How many font files the training images are drawn with; None for all that are installed.
        size: Width and height of the canvas.
        keep_aspect: Whether images keep their proportions on it, or are stretched.
        often: Characters that are drawn four times as often as others.
        network: The network.
        dropout: Rate of its dropout layers; None for its own.
        seed: Seed of weights, order and images.
    """

    without: tuple[str, ...] = ()
    fonts: int | None = None
    size: tuple[int, int] = (ANY_SPEC.width, ANY_SPEC.height)
    keep_aspect: bool = True
    often: str = ""
    network: str = "vgg_wide"
    dropout: float | None = 0.0
    seed: int = 0

    @property
    def spec(self) -> CaptchaSpec:
        """What the network reads."""
        return replace(ANY_SPEC, width=self.size[0], height=self.size[1], keep_aspect=self.keep_aspect)

    @property
    def series(self) -> Series:
        """The images that it learns from."""
        style = LookSettings(self.without, some_fonts(self.fonts))
        return Series(ANY_SPEC, f"look ablations, training {self.seed}", style=style)

    @property
    def config(self) -> TrainConfig:
        """The settings of the training, but for its data."""
        from captcha_keras.training.config import TrainConfig

        return TrainConfig(
            network=self.network,
            epochs=EPOCHS,
            dropout=self.dropout,
            augmentation=None,
            fresh_images=True,
            weights=dict.fromkeys(self.often, WEIGHT),
            seed=self.seed,
        )

    def settings(self, images: int, validation: int) -> Row:
        """Everything that decides the figures of its row."""
        fields = asdict(self) | {"fonts": len(some_fonts(self.fonts)), "revision": REVISION}
        settings: Row = json.loads(json.dumps(fields | {"images": images, "validation": validation}))
        return settings


BASELINE = Variant()
VARIANTS = {
    "baseline": BASELINE,
    "seed-1": replace(BASELINE, seed=1),
    **{f"without-{family}": replace(BASELINE, without=(family,)) for family in INGREDIENTS},
    "fonts-8": replace(BASELINE, fonts=8),
    "fonts-32": replace(BASELINE, fonts=32),
    "canvas-160x48": replace(BASELINE, size=(160, 48)),
    "canvas-240x80": replace(BASELINE, size=(240, 80)),
    "stretched": replace(BASELINE, keep_aspect=False),
    "more-of-0O": replace(BASELINE, often="0O"),
    "more-of-both-cases-alike": replace(BASELINE, often=BOTH_CASES_ALIKE),
    "vgg": replace(BASELINE, network="vgg"),
    "dropout": replace(BASELINE, dropout=None),
}


def some_fonts(number: int | None) -> tuple[str, ...]:
    """So many installed font files: one of each family before a second of any, in an order that is the same everywhere.

    Args:
        number: How many; those of a smaller number are among those of a larger one. None for all.

    Raises:
        InputError: Fewer are installed.
    """
    fonts = installed_fonts()
    if number is None:
        return fonts
    if number > len(fonts):
        raise InputError(
            f"{len(fonts)} fonts are installed and a row draws with {number}: pip install 'captcha-keras[fonts]'."
        )
    families = [dict.fromkeys(face.path for face in faces) for faces in families_of(fonts)]
    ranked = {path: (place, _digest(path)) for family in families for place, path in enumerate(family)}
    return tuple(sorted(ranked, key=ranked.__getitem__)[:number])


def _digest(path: str) -> str:
    return sha256(Path(path).name.encode()).hexdigest()
