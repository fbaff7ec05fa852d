"""Which ingredients an image has: few of them, as real CAPTCHAs have."""

from __future__ import annotations

from collections.abc import Collection

from data_gen.looks.backgrounds import BACKGROUNDS
from data_gen.looks.colors import color_of, colored, mixed
from data_gen.looks.dice import Dice, Table
from data_gen.looks.disturbances import DISTURBANCES
from data_gen.looks.effects import EFFECTS
from data_gen.looks.finishing import FINISHING
from data_gen.looks.look import Color, Disturbance, Look, Step
from data_gen.looks.shadows import SHADOWS
from data_gen.looks.traits import COLORING, STANDING, Families, plain_look
from data_gen.looks.warps import WARPS

# Every ingredient that can be left out, by family.
INGREDIENTS: dict[str, tuple[str, ...]] = {
    "standing": tuple(STANDING),
    "coloring": tuple(COLORING),
    "effects": (*EFFECTS, *SHADOWS),
    "warps": tuple(WARPS),
    "backgrounds": tuple(name for name in BACKGROUNDS if name != "plain"),
    "disturbances": tuple(DISTURBANCES),
    "finishing": tuple(FINISHING),
    "library": ("library",),
}
FAMILY_OF = {name: family for family, names in INGREDIENTS.items() for name in names}
NAMES = frozenset(FAMILY_OF)

# For each family that is drawn by number: how many of its ingredients an image has, and how often each is one of them.
COUNTS: dict[str, tuple[Table[int], Table[str]]] = {
    "effects": (
        Table({0: 66, 1: 27, 2: 7}),
        Table(
            {"outline": 20, "shadow": 24, "relief": 9, "bold": 12, "thin": 10, "broken": 12, "eaten": 8, "dotted": 5}
        ),
    ),
    "warps": (
        Table({0: 62, 1: 38}),
        Table({"waves": 46, "swirl": 10, "perspective": 18, "bulge": 8, "wobble": 18}),
    ),
    "backgrounds": (
        Table({0: 46, 1: 54}),
        Table(
            {
                "gradient": 12,
                "noise": 11,
                "clouds": 6,
                "stripes": 4,
                "checks": 3,
                "hatching": 5,
                "patches": 4,
                "blobs": 4,
                "paper": 5,
            }
        ),
    ),
    "disturbances": (
        Table({0: 24, 1: 46, 2: 23, 3: 7}),
        Table(
            {
                "lines": 25,
                "curves": 22,
                "dots": 16,
                "arcs": 6,
                "strike": 7,
                "grid": 6,
                "circles": 5,
                "dashes": 7,
                "letters": 4,
                "shapes": 3,
            }
        ),
    ),
    "finishing": (
        Table({0: 50, 1: 37, 2: 13}),
        Table(
            {
                "smooth": 18,
                "blur": 12,
                "pixelated": 11,
                "jpeg": 24,
                "posterised": 4,
                "one_bit": 3,
                "grain": 12,
                "speckle": 7,
                "inverted": 3,
                "grey": 6,
            }
        ),
    ),
}
# Of a hundred images so many are drawn as the library `captcha` draws. Its font draws 0 and O so much alike that a
# network learns them apart from many examples alone, so texts with one of them are drawn by it more often.
LIBRARY_PERCENT = 30
LIBRARY_PERCENT_0O = 60
# "ink" is the color of the text, "faint" one between it and the paper, "any" a random one, "paper" that of the paper.
DISTURBANCE_COLOR = Table({"ink": 44, "faint": 26, "any": 22, "paper": 8})


def draw_look(text: str, dice: Dice, families: Families, without: Collection[str] = ()) -> Look:
    """Decide everything about an image.

    Each ingredient has a seed of its own, so that leaving one out changes nothing about the others.

    Args:
        text: What the image says.
        dice: Random numbers.
        families: The fonts.
        without: Ingredients to leave out.

    Example:
        >>> from data_gen.looks.fonts import families_of, installed_fonts
        >>> families = families_of(installed_fonts())
        >>> draw_look("AB12", Dice(5), families, without=NAMES).background.name
        'plain'
    """
    look = plain_look(text, Dice(dice.seed()), families)
    for traits in (STANDING, COLORING):
        for name, (percent, trait) in traits.items():
            seed, hit = dice.seed(), dice.chance(percent)
            if hit and name not in without:
                look = trait(look, Dice(seed), families)
    look = colored(look, Dice(dice.seed()))
    for family, (count, names) in COUNTS.items():
        steps = [Step(dice.draw(names), dice.seed()) for _ in range(dice.draw(count))]
        if family != "disturbances":
            # Two outlines, or an image inverted twice, would be another ingredient or none.
            steps = list({step.name: step for step in steps}.values())
        for step in steps:
            if step.name not in without:
                look = added(look, step)
    percent = LIBRARY_PERCENT if set(text).isdisjoint("0O") else LIBRARY_PERCENT_0O
    seed, hit = dice.seed(), dice.chance(percent)
    return added(look, Step("library", seed)) if hit and "library" not in without else look


def look_with(name: str, text: str, dice: Dice, families: Families) -> Look:
    """A look with one ingredient alone.

    Example:
        >>> from data_gen.looks.fonts import families_of, installed_fonts
        >>> look_with("waves", "AB12", Dice(0), families_of(installed_fonts())).warp.name
        'waves'
    """
    look = plain_look(text, Dice(dice.seed()), families)
    colors, step = dice.seed(), Step(name, dice.seed())
    traits = STANDING | COLORING
    if name in traits:
        look = traits[name][1](look, Dice(step.seed), families)
    look = colored(look, Dice(colors))
    return look if name in traits else added(look, step)


def added(look: Look, step: Step) -> Look:
    """The look with one more effect, warp, background, disturbance or finish, or drawn by the library.

    Example:
        >>> from captcha.image import DEFAULT_FONTS
        >>> from data_gen.looks.fonts import Face
        >>> look = added(Look("A", (Face(DEFAULT_FONTS[0]),), size=40), Step("waves", 1))
        >>> look.warp.name, 0 < look.reach <= 8
        ('waves', True)
    """
    family = FAMILY_OF[step.name]
    if family == "effects":
        return look._replace(effects=(*look.effects, step))
    if family == "backgrounds":
        return look._replace(background=step)
    if family == "finishing":
        return look._replace(finishing=(*look.finishing, step))
    if family == "library":
        return look._replace(library=step)
    if family == "disturbances":
        return look._replace(disturbances=(*look.disturbances, _disturbance(step, look)))
    dice = Dice(step.seed)
    return look._replace(warp=step, reach=max(1, look.size * dice.between(4, 20) // 100), warps_all=dice.chance(25))


def _disturbance(step: Step, look: Look) -> Disturbance:
    """A disturbance with its layer and its colors."""
    dice = Dice(step.seed)
    kind, layer = dice.draw(DISTURBANCE_COLOR), "behind" if dice.chance(35) else "front"
    paper, ink = look.paper[0], dice.pick(look.inks)
    colors: tuple[Color, ...] = (paper,)
    if step.name == "letters":
        # Nothing else tells them from the text.
        layer, colors = "behind", tuple(mixed(paper, ink, dice.between(15, 45)) for _ in range(3))
    elif kind == "ink":
        layer = "ink" if look.inking == "one" and dice.chance(40) else layer
        colors = look.inks
    elif kind == "faint" or step.name == "grid":
        colors = tuple(mixed(paper, ink, dice.between(20, 65)) for _ in range(dice.pick((1, 1, 3))))
    elif kind == "any":
        colors = tuple(color_of(dice, dice.between(30, 225), dice.between(0, 160)) for _ in range(dice.pick((1, 2, 5))))
    else:
        layer = "front"
    return Disturbance(step, layer, colors)
