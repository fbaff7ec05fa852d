"""How far training images are distorted: `ImageDataGenerator`'s parameters, and the default ones.

Names and meanings are those of `keras.preprocessing.image.ImageDataGenerator` (deprecated in Keras 3).
"""

from __future__ import annotations

from dataclasses import dataclass

from captcha_keras.errors import InputError

FILL_MODES = ("constant", "nearest", "reflect", "wrap")

Range = float | int | tuple[float, ...]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_shift(name: str, value: object) -> None:
    if isinstance(value, tuple):
        good = bool(value) and all(map(_is_number, value))
    else:
        good = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if not good:
        raise InputError(f"{name} must be a number of at least 0, or some numbers to choose from, got {value!r}.")


@dataclass(frozen=True)
class Augmentation:
    """How far training images are distorted. The defaults leave them as they are.

    Attributes:
        rotation_range: Degrees; the angle is drawn from -range to range.
        width_shift_range: Horizontal shift: a float below 1 is a fraction of the width, from 1 on pixels; a whole
            number n draws whole pixels below n, a tuple draws one of its elements, both with a random sign.
        height_shift_range: Vertical shift, likewise.
        shear_range: Shear angle in degrees, drawn from -range to range.
        zoom_range: A pair (lower, upper), or z for (1 - z, 1 + z). Above 1 the picture gets smaller.
        zoom_keeps_aspect: Draw one zoom for both axes; by default each axis draws its own, as in Keras.
        brightness_range: A pair of factors, or None.
        channel_shift_range: Grey levels added to all channels, from -range to range, clipped to the darkest and
            brightest value of the image.
        fill_mode: What lies outside of the image: "constant", "nearest", "reflect" or "wrap".
        cval: The value outside for "constant", 0 to 255.

    Raises:
        InputError: A range is no range.

    Example:
        >>> Augmentation(rotation_range=10, zoom_range=[0.9, 1.2]).zoom_bounds
        (0.9, 1.2)
    """

    rotation_range: float = 0.0
    width_shift_range: Range = 0.0
    height_shift_range: Range = 0.0
    shear_range: float = 0.0
    zoom_range: Range = 0.0
    zoom_keeps_aspect: bool = False
    brightness_range: tuple[float, float] | None = None
    channel_shift_range: float = 0.0
    fill_mode: str = "nearest"
    cval: float = 0.0

    def __post_init__(self) -> None:
        for name in ("width_shift_range", "height_shift_range", "zoom_range", "brightness_range"):
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        for name in ("rotation_range", "shear_range", "channel_shift_range", "cval"):
            if not _is_number(getattr(self, name)):
                raise InputError(f"{name} must be a number, got {getattr(self, name)!r}.")
        for name in ("width_shift_range", "height_shift_range"):
            _check_shift(name, getattr(self, name))
        for name, value in (("zoom_range", self.zoom_range), ("brightness_range", self.brightness_range)):
            pair = isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))
            if not pair and not (value is None if name == "brightness_range" else _is_number(value)):
                raise InputError(f"{name} must be one number or two, got {value!r}.")
        if self.fill_mode not in FILL_MODES:
            raise InputError(f"fill_mode must be one of {', '.join(FILL_MODES)}, got {self.fill_mode!r}.")
        if not 0 <= self.cval <= 255:
            raise InputError(f"cval must be 0 to 255, got {self.cval!r}.")
        if not self.zoom_bounds[0] > 0:
            raise InputError(f"zoom_range must leave a zoom above 0, got {self.zoom_range!r}.")

    @property
    def zoom_bounds(self) -> tuple[float, float]:
        """The lower and upper zoom."""
        if isinstance(self.zoom_range, tuple):
            return self.zoom_range[0], self.zoom_range[1]
        return 1 - self.zoom_range, 1 + self.zoom_range


# The default of `train`. One zoom for both axes: what tells 0 from O is the ratio of their stroke widths.
DEFAULT_AUGMENTATION = Augmentation(
    rotation_range=4.0,
    width_shift_range=0.06,
    height_shift_range=0.075,
    shear_range=6.0,
    zoom_range=0.1,
    zoom_keeps_aspect=True,
)
