from __future__ import annotations

import numpy as np
import pytest

from data_gen.looks.backgrounds import BACKGROUNDS
from data_gen.looks.compose import added
from data_gen.looks.dice import Dice
from data_gen.looks.effects import widened
from data_gen.looks.layout import arranged
from data_gen.looks.look import Disturbance, Look, Step
from data_gen.looks.render import rendered, text_mask
from data_gen.looks.warps import WARPS, taken
from tests.data_gen.looks.plain import plain

RED, GREEN, BLUE = (200, 0, 0), (0, 150, 0), (0, 0, 200)
LOOK = plain("H8W", size=44)._replace(inks=(RED,), gaps=(3, 3), room=(12, 12, 12, 12), spacing="ink")


def pixels(look: Look) -> np.ndarray:
    return np.asarray(rendered(look)).astype(int)


def mask_of(look: Look) -> np.ndarray:
    return np.asarray(text_mask(look, arranged(look)))


def test_paper_and_ink_lie_where_the_mask_says() -> None:
    image, mask = pixels(LOOK), mask_of(LOOK)
    assert (image[mask == 0] == LOOK.paper[0]).all()
    assert (image[mask == 255] == RED).all()


def test_each_character_has_its_color() -> None:
    look = LOOK._replace(inking="each", inks=(RED, GREEN, BLUE))
    image, mask = pixels(look), mask_of(look)
    for (core, left, _), color in zip(arranged(look).places, look.inks, strict=True):
        ink = core.getbbox()
        columns = slice(left + ink[0], left + ink[2])
        assert (image[:, columns][mask[:, columns] == 255] == color).all()


def test_a_shaded_text_goes_from_one_color_into_the_other() -> None:
    look = LOOK._replace(inking="shaded", inks=(RED, BLUE))
    image, mask = pixels(look), mask_of(look)
    left, right = (image[:, part][mask[:, part] == 255].mean(0) for part in (slice(0, 30), slice(-30, None)))
    assert left[0] > left[2] + 60
    assert right[2] > right[0] + 60


def test_layers_lie_behind_the_text_in_front_of_it_or_are_a_part_of_it() -> None:
    def with_line(layer: str, **fields: object) -> np.ndarray:
        marks = tuple(Disturbance(Step("strike", seed), layer, (BLUE,)) for seed in (1, 3, 5, 7))
        return pixels(LOOK._replace(disturbances=marks, **fields))

    mask = mask_of(LOOK)
    behind, front, ink = (with_line(layer) for layer in ("behind", "front", "ink"))
    blue, red = (lambda image: (image == BLUE).all(2)), (lambda image: (image == RED).all(2))
    assert blue(behind).any()
    assert not blue(behind)[mask > 0].any()
    assert blue(front)[mask == 255].any()
    assert not blue(ink).any()
    assert red(ink)[mask == 0].sum() > 30
    # What is a part of the text is hollowed with it.
    hollow = with_line("ink", effects=(Step("outline", 1),))
    assert not red(hollow)[red(ink)].any()


def test_letters_are_hollow_or_filled_with_the_paper() -> None:
    noisy = LOOK._replace(background=Step("noise", 3))
    hollow, filled = (pixels(noisy._replace(effects=(Step("outline", seed),))) for seed in (1, 3))
    mask = mask_of(LOOK)
    inside = mask == 255
    assert (filled[inside] == LOOK.paper[0]).all()
    np.testing.assert_array_equal(hollow[inside], without_text(noisy)[inside])
    ring = (widened(mask) == 255) & (mask == 0)
    assert (filled[ring] == RED).all()


def without_text(look: Look) -> np.ndarray:
    place = arranged(look)
    background = BACKGROUNDS[look.background.name]
    return np.asarray(background((place.width, place.height), look.paper, Dice(look.background.seed))).astype(int)


@pytest.mark.parametrize("name", ["waves", "swirl", "perspective", "bulge", "wobble"])
def test_a_warp_bends_the_text_alone_or_everything(name: str) -> None:
    seeds = range(40)
    looks = [added(LOOK._replace(background=Step("checks", 2)), Step(name, seed)) for seed in seeds]
    assert {look.warps_all for look in looks} == {False, True}
    for look in looks:
        image, paper = pixels(look), without_text(look)
        far = mask_of(look)
        for _ in range(look.reach + 2):
            far = widened(far)
        same = (image == paper).all(2)
        assert same[far == 0].all() == (not look.warps_all) or look.reach < 3
        assert (~same).sum() > 200


def test_colors_are_bent_with_their_characters() -> None:
    paper = LOOK.paper[0]
    look = LOOK._replace(inking="each", inks=(paper, RED, paper), gaps=(0, 0), size=60)
    bent = [each for each in (added(look, Step("waves", seed)) for seed in range(30)) if not each.warps_all]
    assert max(each.reach for each in bent) > 8
    for each in bent:
        place = arranged(each)
        only = place._replace(places=place.places[1:2])
        places = WARPS["waves"](place.width, place.height, each.reach, Dice(each.warp.seed + 1))
        expected, image = taken(np.asarray(text_mask(each, only)), *places), pixels(each)
        assert (image[expected == 255] == RED).all()
        assert (image[expected == 0] == paper).all()


def test_finishing_comes_last_and_in_its_order() -> None:
    look = LOOK._replace(finishing=(Step("inverted", 0), Step("grey", 0)))
    expected = 255 - pixels(LOOK)
    grey = np.asarray(rendered(LOOK._replace(finishing=(Step("inverted", 0),))).convert("L"))
    np.testing.assert_array_equal(pixels(LOOK._replace(finishing=look.finishing[:1])), expected)
    np.testing.assert_array_equal(pixels(look)[..., 1], grey)
