"""What is drawn behind the text, into it or in front of it: lines, curves, dots and the like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle

from PIL import Image, ImageDraw

from data_gen.looks.dice import ONE, STEPS, Dice, sine
from data_gen.looks.fonts import CHARACTERS, Face
from data_gen.looks.glyphs import drawn_size, glyph_of, transformed

Point = tuple[int, int]


class Pen:
    """Draws strokes into an image, each in the next color.

    Args:
        image: RGB, or L with the colors 255 or 0.
        colors: The colors.
        size: Size of the text's font, in proportion to which strokes are wide.
        faces: Fonts of characters.
        times: How many pixels of the image a pixel of the drawing has on each side.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        size: Of the text's font.
        faces: Fonts of characters.

    Example:
        >>> image = Image.new("L", (40, 20))
        >>> Pen(image, (255,), size=30).line([(0, 10), (39, 10)], 3)
        >>> sum(image.tobytes()) // 255
        120
    """

    def __init__(
        self,
        image: Image.Image,
        colors: Sequence[tuple[int, int, int] | int],
        size: int,
        faces: Sequence[Face] = (),
        times: int = 1,
    ) -> None:
        self.size, self.faces = size, faces
        self.width, self.height = image.width // times, image.height // times
        self._image, self._draw, self._colors, self._times = image, ImageDraw.Draw(image), cycle(colors), times

    def line(self, points: Sequence[Point], width: int) -> None:
        """A line through points."""
        places = [value * self._times for point in points for value in point]
        self._draw.line(places, fill=next(self._colors), width=width * self._times)

    def disc(self, x: int, y: int, radius: int) -> None:
        """A filled disc; with radius 0 one pixel."""
        t = self._times
        box = ((x - radius) * t, (y - radius) * t, (x + radius + 1) * t - 1, (y + radius + 1) * t - 1)
        (self._draw.ellipse if radius else self._draw.rectangle)(box, fill=next(self._colors))

    def ring(self, box: tuple[int, int, int, int], width: int) -> None:
        """The outline of an ellipse."""
        left, top, right, bottom = (value * self._times for value in box)
        self._draw.ellipse((left, top, right, bottom), outline=next(self._colors), width=width * self._times)

    def polygon(self, points: Sequence[Point], width: int) -> None:
        """The outline of a polygon."""
        self.line([*points, points[0]], width)

    def letter(self, character: str, face: Face, size: int, turn: int, x: int, y: int) -> None:
        """A character with its centre at a place."""
        drawn = drawn_size(size * self._times)
        scale = size * self._times * ONE // drawn
        mask = transformed(glyph_of(face, drawn, character).mask, scale, scale, turn)
        left, top = x * self._times - mask.size[0] // 2, y * self._times - mask.size[1] // 2
        box = (left, top, left + mask.size[0], top + mask.size[1])
        self._image.im.paste(next(self._colors), box, mask)

    def place(self, dice: Dice) -> Point:
        """Anywhere in the drawing."""
        return dice.below(self.width), dice.below(self.height)


def _thickness(pen: Pen, dice: Dice, most: int = 14) -> int:
    """Width of a stroke: one pixel most often, up to a part of the font's size."""
    thick = 1 + min(dice.below(max(1, pen.size // most) + 1), dice.below(4))
    return 1 if dice.chance(35) else thick


def _most(pen: Pen, width: int) -> int:
    """How many strokes of a width leave a text of the pen's size readable."""
    return 1 + pen.size // (6 * width)


def _lines(pen: Pen, dice: Dice) -> None:
    """Straight lines from side to side, or anywhere."""
    anywhere, width = dice.chance(40), _thickness(pen, dice)
    for _ in range(min(dice.pick((1, 2, 2, 3, 4, 5, 6, 8)), _most(pen, width))):
        if anywhere:
            pen.line((pen.place(dice), pen.place(dice)), width)
        else:
            left, right = dice.below(pen.width // 5 + 1), pen.width - dice.below(pen.width // 5 + 1)
            pen.line(((left, dice.below(pen.height)), (right, dice.below(pen.height))), width)


def _curves(pen: Pen, dice: Dice) -> None:
    """Smooth curves: waves from side to side, or Bézier curves."""
    width = _thickness(pen, dice)
    for _ in range(min(dice.pick((1, 1, 1, 2, 2, 3, 4)), _most(pen, width))):
        pen.line(_wave(pen, dice) if dice.chance(50) else _bezier(pen, dice), width)


def _arcs(pen: Pen, dice: Dice) -> None:
    """Arcs of large ellipses across the image."""
    width = _thickness(pen, dice)
    for _ in range(dice.between(1, 3)):
        x, y = dice.between(0, pen.width), dice.between(-pen.height // 2, pen.height * 3 // 2)
        across, down = dice.between(pen.width // 3, pen.width), dice.between(pen.height // 3, pen.height)
        pen.ring((x - across, y - down, x + across, y + down), width)


def _strike(pen: Pen, dice: Dice) -> None:
    """One line through the middle of the text, or two."""
    width = 1 + dice.below(max(1, pen.size // 11) + 1)
    for _ in range(dice.pick((1, 1, 1, 2))):
        y = pen.height // 2 + dice.around(pen.height // 6)
        lean, end = dice.around(pen.height // 5), dice.between(0, pen.width // 8)
        pen.line(((end, y - lean), (pen.width - end, y + lean)), width)


def _grid(pen: Pen, dice: Dice) -> None:
    """Lines down and across at equal distances, straight or leaning."""
    step, lean = dice.between(max(6, pen.size // 3), 26), dice.pick((0, 0, 0, 1)) * dice.around(pen.height // 2)
    for x in range(dice.below(step), pen.width, step):
        pen.line(((x - lean, 0), (x + lean, pen.height)), 1)
    if dice.chance(85):
        for y in range(dice.below(step), pen.height, step):
            pen.line(((0, y), (pen.width, y)), 1)


def _dots(pen: Pen, dice: Dice) -> None:
    """Dots all over."""
    area, largest = pen.width * pen.height, dice.pick((0, 1, 1, 1, 2))
    for _ in range(area // dice.between(90, 700) // (1 + largest) + 3):
        x, y = pen.place(dice)
        pen.disc(x, y, largest if dice.chance(60) else dice.below(largest + 1))


def _circles(pen: Pen, dice: Dice) -> None:
    """Outlines of circles and ellipses."""
    width = _thickness(pen, dice, 30)
    for _ in range(min(dice.between(2, 8), 1 + pen.size // 8)):
        (x, y), across = pen.place(dice), dice.between(3, max(4, pen.height // 2))
        down = across if dice.chance(60) else dice.between(3, max(4, pen.height // 2))
        pen.ring((x - across, y - down, x + across, y + down), width)


def _dashes(pen: Pen, dice: Dice) -> None:
    """Short lines all over, every one its own way or all alike."""
    longest, width = dice.between(3, max(5, pen.size // 2)), 1 + dice.chance(25)
    alike = (dice.around(longest), dice.around(longest)) if dice.chance(30) else None
    for _ in range(pen.width * pen.height // (longest * dice.between(25, 90)) + 4):
        x, y = pen.place(dice)
        across, down = alike or (dice.around(longest), dice.around(longest))
        pen.line(((x, y), (x + across, y + down)), width)


def _letters(pen: Pen, dice: Dice) -> None:
    """Small characters that belong to no text."""
    size, face = max(8, pen.size * dice.between(20, 50) // 100), dice.pick(pen.faces)
    for _ in range(dice.between(4, 24)):
        x, y = pen.place(dice)
        pen.letter(dice.pick(CHARACTERS), face, size, dice.around(STEPS // 8), x, y)


def _shapes(pen: Pen, dice: Dice) -> None:
    """Outlines of triangles and rectangles."""
    width = _thickness(pen, dice, 20)
    for _ in range(min(dice.between(2, 6), 1 + pen.size // 10)):
        if dice.chance(50):
            pen.polygon([pen.place(dice) for _ in range(3)], width)
        else:
            (x, y), (across, down) = pen.place(dice), (dice.between(5, 50), dice.between(5, 30))
            pen.polygon(((x, y), (x + across, y), (x + across, y + down), (x, y + down)), width)


DISTURBANCES: dict[str, Callable[[Pen, Dice], None]] = {
    "lines": _lines,
    "curves": _curves,
    "arcs": _arcs,
    "strike": _strike,
    "grid": _grid,
    "dots": _dots,
    "circles": _circles,
    "dashes": _dashes,
    "letters": _letters,
    "shapes": _shapes,
}


def _wave(pen: Pen, dice: Dice) -> list[Point]:
    period, phase, height = dice.between(30, 2 * pen.width), dice.below(STEPS), dice.between(3, max(4, pen.height // 2))
    middle = pen.height // 2 + dice.around(pen.height // 3)
    step = max(2, pen.width // 40)
    return [(x, middle + height * sine(x * STEPS // period + phase) // ONE) for x in range(0, pen.width + step, step)]


def _bezier(pen: Pen, dice: Dice) -> list[Point]:
    """A cubic curve from the left part to the right one, in 20 pieces."""
    third = pen.width // 3
    xs = (dice.below(third + 1), dice.below(pen.width), dice.below(pen.width), pen.width - dice.below(third + 1))
    ys = [dice.between(-pen.height // 4, pen.height * 5 // 4) for _ in range(4)]
    return [(_on_curve(xs, t), _on_curve(ys, t)) for t in range(21)]


def _on_curve(values: Sequence[int], t: int) -> int:
    s = 20 - t
    first, second, third, fourth = values
    return (first * s**3 + 3 * second * s * s * t + 3 * third * s * t * t + fourth * t**3) // 8000
