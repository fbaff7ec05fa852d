"""Rows of `benchmarks.look_ablations`: each changes one thing, and a finished one is not trained again."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import look_ablations
from benchmarks.look_variants import BASELINE, VARIANTS, Variant, some_fonts
from benchmarks.looks_read import ingredients
from benchmarks.real_generators.generators import GENERATORS
from benchmarks.real_generators.measure import test_records as records_for_the_test
from benchmarks.real_generators.measure import validation_records
from captcha_keras.dataset.images import fit_to
from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.prior import LogPrior
from data_gen import Series, Settings, generate_dataset, processes
from data_gen.looks.compose import FAMILY_OF, INGREDIENTS
from data_gen.looks.drawer import LookDrawer
from data_gen.looks.fonts import families_of, installed_fonts
from data_gen.looks.look import Look

LOOKS = 150
TINY = Variant(size=(48, 32), network="vgg")
# Steps of a training on 64 images: one in each epoch.
TOY = ["--images", "64", "--validation", "16"]


def looks(variant: Variant) -> list[Look]:
    drawer = variant.series.drawer()
    assert isinstance(drawer, LookDrawer)
    return [drawer.look(index) for index in range(LOOKS)]


def families(look: Look) -> set[str]:
    """The families of ingredients that a look shows."""
    named = ingredients(look._replace(library=None)) | ({"library"} if look.library else set())
    standing = any((look.turns, look.slants, look.scales, look.stretches, look.rises, len(set(look.faces)) > 1))
    coloring = look.dark or look.inking != "one"
    traits = {"standing": standing, "coloring": coloring}
    return {FAMILY_OF[name] for name in named} | {name for name, there in traits.items() if there}


def test_the_baseline_draws_every_family() -> None:
    assert set().union(*map(families, looks(BASELINE))) == INGREDIENTS.keys()


@pytest.mark.parametrize("family", INGREDIENTS)
def test_a_family_left_out_is_never_drawn_and_the_others_are(family: str) -> None:
    found = looks(VARIANTS[f"without-{family}"])
    assert set().union(*map(families, found)) == INGREDIENTS.keys() - {family}
    assert [look.text for look in found] == [look.text for look in looks(BASELINE)]


def test_looks_are_drawn_with_the_fonts_of_the_row_alone() -> None:
    fonts = some_fonts(8)
    assert len(set(fonts)) == 8
    used = {face.path for look in looks(VARIANTS["fonts-8"]) for face in look.faces}
    assert used == set(fonts)
    assert len({face.path for look in looks(BASELINE) for face in look.faces}) > 8


def test_fewer_fonts_are_among_more_and_of_as_many_families_as_there_are() -> None:
    installed = installed_fonts()
    assert some_fonts(None) == installed
    assert set(some_fonts(3)) < set(some_fonts(12)) < set(installed) == set(some_fonts(len(installed)))
    number = len(families_of(installed))
    assert len(families_of(some_fonts(number))) == number
    with pytest.raises(InputError, match="fonts are installed and a row draws with 9999"):
        some_fonts(9999)


def test_each_row_changes_one_thing() -> None:
    for name, variant in VARIANTS.items():
        fields = asdict(variant).items() - asdict(BASELINE).items()
        assert len(fields) == (name != "baseline"), name
    assert len(set(VARIANTS.values())) == len(VARIANTS)


@pytest.mark.parametrize("name", ["stretched", "canvas-160x48", "more-of-0O"])
def test_a_training_draws_the_images_of_its_row_on_its_canvas(name: str) -> None:
    variant = VARIANTS[name]
    spec, series = variant.spec, variant.series
    with look_ablations.fresh_images(variant, LogPrior(spec), steps=1) as fresh:
        images, labels = next(fresh.batches())
    weights = (("0", 4), ("O", 4)) if name == "more-of-0O" else ()
    source = replace(series, weights=weights).source()
    drawn = [source.image(index) for index in range(len(images))]
    assert spec.decode_all(labels) == [text for text, _ in drawn]
    np.testing.assert_array_equal(images, [fit_to(np.asarray(image), spec) for _, image in drawn])
    if name == "stretched":
        kept = replace(spec, keep_aspect=True)
        assert any((fit_to(np.asarray(image), kept) != fit_to(np.asarray(image), spec)).any() for _, image in drawn)


def test_dropout_is_that_of_the_row() -> None:
    assert (VARIANTS["dropout"].config.dropout, BASELINE.config.dropout) == (None, 0.0)


def folder_of(name: str, data: Path) -> Path:
    """A folder like that of a real generator."""
    generator = GENERATORS[name]
    spec = CaptchaSpec(generator.alphabet, generator.length, generator.length, 80, 30)
    generate_dataset(Settings(Series(spec), count=30), data / name, engine=processes(1))
    return data / name


def test_rows_are_kept_and_trained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {
        "tiny": TINY,
        "tiny-stretched": replace(TINY, keep_aspect=False),
        "broken": replace(TINY, network="none"),
    }
    for name, variant in rows.items():
        monkeypatch.setitem(VARIANTS, name, variant)
    name = next(iter(GENERATORS))
    folder, file = folder_of(name, tmp_path / "real"), tmp_path / "rows.json"

    def run(*names: str) -> tuple[list[Mapping[str, Any]], str]:
        options = ["--data", str(folder.parent), "--output", str(file), *TOY]
        look_ablations.main(["--rows", *names, *options])
        found: list[Mapping[str, Any]] = json.loads(file.read_text("utf-8"))["rows"]
        return found, capsys.readouterr().out

    # What stops in the second row leaves the first.
    with pytest.raises(InputError, match="no network 'none'"):
        run("tiny", "broken")
    first = json.loads(file.read_text("utf-8"))["rows"]
    assert [row["name"] for row in first] == ["tiny"]
    capsys.readouterr()

    found, printed = run("tiny", "tiny-stretched")
    assert found[0] == first[0]
    assert [row["name"] for row in found] == ["tiny", "tiny-stretched"]
    assert "tiny: " not in printed
    assert "tiny-stretched: 64 new images" in printed
    assert "Epoch 10/10" in printed

    row = found[1]
    assert row["settings"]["keep_aspect"] is False
    assert (row["any"]["total"], row["generators"][name]["total"]) == (16, 3)
    assert sum(rate["total"] for rate in row["library"].values()) == 16
    assert row["cpu_seconds"] > 0
    assert {"date", "processor", "packages"} <= row.keys()
    *_, head, _, tiny, stretched = printed.strip().splitlines()
    assert head.count("|") == tiny.count("|") == stretched.count("|")
    assert [line.split("|")[1].strip() for line in (tiny, stretched)] == ["tiny", "tiny-stretched"]

    # All is there: nothing is trained, and the file stays as it is.
    again, printed = run("tiny-stretched", "tiny")
    assert again == found
    assert "new images\n" not in printed


def test_another_number_of_images_is_another_row() -> None:
    rows = [TINY.settings(64, 16), TINY.settings(96, 16), TINY.settings(64, 17)]
    assert all(one != other for one, other in itertools.pairwise(rows))
    assert json.loads(json.dumps(rows)) == rows


def test_the_table_pools_the_images_of_a_cell() -> None:
    def rate(right: int, total: int) -> dict[str, int]:
        return {"right": right, "total": total}

    row = {
        "any": rate(1, 2),
        "case_folded": rate(2, 2),
        "zero_o_merged": rate(1, 2),
        "library": {"one": rate(10, 100), "other": rate(40, 100)},
        "generators": {},
        "cpu_seconds": 90.0,
        "milliseconds": 0.5,
    }
    line = look_ablations.table({"baseline": row}).splitlines()[-1]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[0] == "baseline"
    assert cells[4] == "25.0 % (19.5 – 31.4)"  # 50 of 200
    assert cells[5:] == ["-", "1.5", "0.50"]


def test_validation_images_of_a_generator_are_no_test_images(tmp_path: Path) -> None:
    folder = folder_of(next(iter(GENERATORS)), tmp_path)
    parts = (validation_records, records_for_the_test)
    validation, test = ({record.name for record in part(folder, 99)} for part in parts)
    assert (len(validation), len(test)) == (3, 10)
    assert not validation & test


def test_images_that_are_no_data_set_are_noticed_before_the_first_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / next(iter(GENERATORS))).mkdir()
    with pytest.raises(SystemExit):
        look_ablations.main(
            ["--rows", "baseline", "--data", str(tmp_path), "--output", str(tmp_path / "rows.json"), *TOY]
        )
    assert f"error: {tmp_path}" in capsys.readouterr().err
    assert not (tmp_path / "rows.json").exists()
