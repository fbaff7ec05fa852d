from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_keras.spec import CaptchaSpec
from data_gen import LookSettings, Series
from data_gen.looks.colors import colored
from data_gen.looks.compose import COUNTS, FAMILY_OF, INGREDIENTS, NAMES, draw_look, look_with
from data_gen.looks.dice import Dice
from data_gen.looks.drawer import LookDrawer
from data_gen.looks.layout import arranged
from data_gen.looks.look import Look
from data_gen.looks.render import rendered, text_mask
from data_gen.looks.settings import ANY_SPEC
from data_gen.looks.texts import LookTexts
from data_gen.looks.traits import plain_look
from tests.data_gen.looks.plain import FAMILIES, FONTS

ROOT = Path(__file__).parents[3]
DRAWER = LookDrawer(LookTexts(ANY_SPEC), 0, LookSettings(fonts=FONTS))


def digest(drawer: LookDrawer = DRAWER, count: int = 60) -> str:
    result = hashlib.sha256()
    for index in range(count):
        text, image = drawer.image(index)
        result.update(f"{text} {image.size}".encode() + image.tobytes())
    return result.hexdigest()


def test_the_pixels_are_the_ones_that_were_drawn_when_this_was_written() -> None:
    # A change here is a new REVISION in settings.py.
    assert digest() == PIXELS


PIXELS = "2f5582dcff70f83ff5dea12862b901836b9f7b5b9363276f49e8bbabfc06c7a0"


@pytest.mark.parametrize("disabled", ["", "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"])
def test_another_process_and_another_processor_draw_the_same_pixels(disabled: str) -> None:
    code = "from tests.data_gen.looks.test_compose import digest\nprint(digest())"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "NPY_DISABLE_CPU_FEATURES": disabled}
    command = [sys.executable, "-W", "ignore", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    assert result.stdout.strip() == digest()


def test_an_image_depends_on_seed_and_index_alone() -> None:
    other = LookDrawer(LookTexts(ANY_SPEC), 0, LookSettings(fonts=FONTS))
    backwards = [other.image(index)[1].tobytes() for index in (8, 7, 6)]
    assert backwards[::-1] == [DRAWER.image(index)[1].tobytes() for index in (6, 7, 8)]
    assert LookDrawer(LookTexts(ANY_SPEC), 1, LookSettings(fonts=FONTS)).look(6) != DRAWER.look(6)
    assert [DRAWER.text(index) for index in range(50)] == [DRAWER.look(index).text for index in range(50)]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_ingredient_changes_the_image(name: str) -> None:
    changed = 0
    for seed in range(12):
        look = look_with(name, "AB8gh", Dice(seed), FAMILIES)._replace(size=36)
        dice = Dice(seed)
        bare = plain_look("AB8gh", Dice(dice.seed()), FAMILIES)._replace(size=36)
        image, plain = rendered(look), rendered(colored(bare, Dice(dice.seed())))
        assert image.mode == "RGB"
        assert rendered(look).tobytes() == image.tobytes()
        assert image.size == plain.size or FAMILY_OF[name] in ("standing", "warps", "library")
        changed += image.size != plain.size or image.tobytes() != plain.tobytes()
    assert changed >= 9


@pytest.mark.parametrize("name", sorted(NAMES))
def test_leaving_out_an_ingredient_changes_nothing_else(name: str) -> None:
    seeds = range(150)
    full = [draw_look("AB8gh", Dice(seed), FAMILIES) for seed in seeds]
    part = [draw_look("AB8gh", Dice(seed), FAMILIES, {name}) for seed in seeds]
    same = sum(one == other for one, other in zip(full, part, strict=True))
    assert 60 < same < 150
    family = FAMILY_OF[name]
    for one, other in zip(full, part, strict=True):
        assert name not in used(other)
        if family not in ("standing", "coloring"):
            assert used(other) == [each for each in used(one) if each != name]
        if name != "roomy":
            assert one.size == other.size


def used(look: Look) -> list[str]:
    steps = [look.background, *look.effects, *(mark.step for mark in look.disturbances), *look.finishing]
    names = [step.name for step in steps if step.name != "plain"]
    return names + [step.name for step in (look.warp, look.library) if step is not None]


def test_without_everything_a_text_stands_on_plain_paper() -> None:
    for seed in range(40):
        look = draw_look("AB8gh", Dice(seed), FAMILIES, NAMES)
        assert used(look) == []
        assert len(set(look.faces)) == len(look.inks) == 1
        image = np.asarray(rendered(look)).astype(int)
        mask = np.asarray(text_mask(look, arranged(look)))
        assert (image[mask == 0] == look.paper[0]).all()
        assert (image[mask == 255] == look.inks[0]).all()
        assert (mask == 255).any()


def test_most_looks_have_few_ingredients_and_every_ingredient_occurs() -> None:
    looks = [draw_look("AB8gh", Dice(seed), FAMILIES) for seed in range(3000)]
    numbers = [len(used(look)) for look in looks if look.library is None]
    assert 0.65 < len(numbers) / len(looks) < 0.75
    for look in looks:
        for steps in (look.effects, look.finishing):
            assert len({step.name for step in steps}) == len(steps)
    assert np.mean([number <= 3 for number in numbers]) > 0.6
    assert max(numbers) <= 9
    counts = Counter(name for look in looks for name in used(look))
    expected = {name for family in (*COUNTS, "library") for name in INGREDIENTS[family]}
    assert set(counts) == expected
    assert min(counts.values()) >= 10


def test_the_text_can_be_told_from_what_is_around_it() -> None:
    """On average over its ink the image is darker, or lighter, than beside it, in nearly every image."""
    told = []
    for seed in range(250):
        look = draw_look("AB8gh", Dice(seed), FAMILIES, {*INGREDIENTS["warps"], "outline", "cut", "library"})
        place = arranged(look)
        mask = np.asarray(text_mask(look, place))
        near = np.asarray(Image.fromarray(mask).resize((place.width, place.height))) == 0
        box = (slice(max(0, place.box[1]), place.box[3]), slice(max(0, place.box[0]), place.box[2]))
        image = np.asarray(rendered(look)).astype(float)
        ink, paper = image[mask > 200].mean(0), image[box][near[box]].mean(0)
        told.append(np.abs(ink - paper).max())
    assert np.mean(np.array(told) > 25) > 0.96
    assert np.median(told) > 80


def test_a_series_draws_looks_within_its_spec_and_weighs_characters() -> None:
    spec = CaptchaSpec("0123456789abcdef", 3, 5, 120, 40, keep_aspect=True)
    source = Series(spec, 3, "png", LookSettings(fonts=FONTS), weights=(("7", 20),)).source()
    texts = [source.text(index) for index in range(300)]
    assert set("".join(texts)) <= set(spec.alphabet)
    assert "".join(texts).count("7") > 0.3 * len("".join(texts))
    drawing = source.draw(2)
    assert drawing.text == texts[2] == source.image(2)[0]
    assert drawing.pixels.shape == (drawing.size[1], drawing.size[0], 3)
    np.testing.assert_array_equal(drawing.pixels, np.asarray(source.image(2)[1]))
    assert source.image_and_layout(2)[2] is None
    assert not source.falls_back
    assert len({source.image(index)[1].size for index in range(20)}) > 15
