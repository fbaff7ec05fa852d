"""The style `any` from the settings to the finished folder."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_keras.dataset.images import fit
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.errors import InputError
from captcha_keras.spec import CaptchaSpec
from data_gen import (
    GenerationError,
    ImageStream,
    LookSettings,
    Series,
    Settings,
    Shard,
    generate_dataset,
    join_shards,
    processes,
    read_captcha,
    series_like,
)
from data_gen.cli import main
from data_gen.looks.compose import INGREDIENTS, NAMES
from data_gen.looks.fonts import installed_fonts
from data_gen.looks.settings import ANY_SPEC
from data_gen.looks.sheet import sheet
from data_gen.style import StyleError
from tests.data_gen.folders import contents, in_this_process
from tests.data_gen.looks.plain import FONTS

ROOT = Path(__file__).parents[3]
LOOKS = LookSettings(without=("blur",), fonts=FONTS)
SETTINGS = Settings(Series(ANY_SPEC, 5, "png", LOOKS), 150)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished data set of random looks; never write into it."""
    path = tmp_path_factory.mktemp("looks") / "data"
    generate_dataset(SETTINGS, path, engine=processes(1))
    return path


def test_settings_survive_json_and_name_families() -> None:
    assert LookSettings.from_json(json.loads(json.dumps(LOOKS.to_json())), FONTS) == LOOKS
    assert LOOKS.to_json() == {"any": {"revision": 4, "without": ["blur"]}}
    left_out = LookSettings(("warps", "curves", "waves")).without
    assert left_out == tuple(sorted({*INGREDIENTS["warps"], "curves"}))
    assert set(LookSettings(tuple(INGREDIENTS)).without) == NAMES
    assert LookSettings().fonts == installed_fonts()


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StyleError, match=r"There is no ingredient fog, expected some of fonts, rotation, .*, warps"):
        LookSettings(without=("fog", "curves"))
    with pytest.raises(StyleError, match=r"none.ttf is no readable TrueType font"):
        LookSettings(fonts=(str(tmp_path / "none.ttf"),))
    with pytest.raises(StyleError, match="The looks are of revision 0, this release draws 4"):
        LookSettings.from_json({"any": {"revision": 0, "without": []}})
    with pytest.raises(InputError, match="Random looks show 0-9, A-Z and a-z, not ß"):
        Series(CaptchaSpec("abß", 2, 2, keep_aspect=True), style=LOOKS)
    with pytest.raises(InputError, match="Random looks have sizes of their own: their spec needs keep_aspect=True"):
        Series(CaptchaSpec("ab", 2, 2), style=LOOKS)


def test_a_folder_records_settings_and_fonts_and_opens_fitted_into_the_canvas(folder: Path) -> None:
    description = json.loads((folder / "dataset.json").read_text())
    assert description["style"] == {"any": {"revision": 4, "without": ["blur"]}}
    assert [font["name"] for font in description["fonts"]] == [Path(path).name for path in FONTS]
    assert description["fonts"][0]["sha256"] == hashlib.sha256(Path(FONTS[0]).read_bytes()).hexdigest()
    dataset = open_dataset(folder)
    assert dataset.infer_spec() == ANY_SPEC
    sizes = {record.read().shape for record in dataset.records}
    assert len(sizes) > 100
    data = dataset.images()
    assert data.images.shape == (150, 64, 200, 3)
    assert ANY_SPEC.decode_all(data.labels) == dataset.texts
    small = dataset.images(replace(ANY_SPEC, width=90, height=30))
    assert small.images.shape == (150, 30, 90, 3)


def test_any_number_of_workers_and_shards_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    generate_dataset(SETTINGS, tmp_path / "two", engine=processes(2))
    assert contents(tmp_path / "two") == contents(folder)
    parts = [tmp_path / "part1", tmp_path / "part2"]
    for number, part in enumerate(parts, start=1):
        generate_dataset(SETTINGS, part, shard=Shard(number, 2), engine=in_this_process)
    assert join_shards(parts, tmp_path / "joined")
    assert contents(tmp_path / "joined") == contents(folder)


@pytest.mark.parametrize(
    ("looks", "message"),
    [
        (LookSettings((), FONTS), r"without is \['blur'\] there and \[\] here"),
        (
            LookSettings(("blur",), FONTS[:1]),
            r"fonts is DejaVuSans.ttf \(\w{8}\), DejaVuSerif.ttf \(\w{8}\), DroidSansMono.ttf \(30512ead\) there and "
            "no others here",
        ),
    ],
)
def test_other_ingredients_or_fonts_are_another_data_set(folder: Path, looks: LookSettings, message: str) -> None:
    with pytest.raises(GenerationError, match=message):
        generate_dataset(Settings(Series(ANY_SPEC, 5, "png", looks), 150), folder)


def test_new_images_like_them_need_the_same_fonts(folder: Path) -> None:
    description = json.loads((folder / "dataset.json").read_text())
    assert series_like(description, "training 0", FONTS) == Series(ANY_SPEC, "training 0", "png", LOOKS)
    with pytest.raises(InputError, match=r"were drawn with, 4 in all: install the extra, pip install"):
        series_like(description, 1, FONTS[:2])


def test_records_hold_the_size_of_each_image(tmp_path: Path) -> None:
    settings = Settings(Series(ANY_SPEC, 5, "jpeg", LOOKS), 12, "tfrecord")
    generate_dataset(settings, tmp_path / "data", engine=in_this_process)
    from captcha_keras.dataset.tfrecord import decode_example, spans

    (path,) = (tmp_path / "data" / "records").iterdir()
    content = path.read_bytes()
    for offset, length in spans(path):
        features = decode_example(content[offset : offset + length])
        with Image.open(io.BytesIO(features["image/encoded"])) as image:
            assert image.size == (features["image/width"], features["image/height"])
    assert open_dataset(tmp_path / "data").images().images.shape == (12, 64, 200, 3)


def test_a_stream_gives_batches_of_the_canvas() -> None:
    series = Series(ANY_SPEC, "training 0", style=LOOKS)
    with ImageStream(1) as stream:
        (images, texts), (again, _) = stream.batches(series, 4, 6, 2)
    assert (images.shape, images.dtype) == ((6, 64, 200, 3), np.uint8)
    assert texts == [series.source().text(index) for index in range(4, 10)]
    assert (images != again).any()
    drawn = np.asarray(series.source().image(4)[1])
    np.testing.assert_array_equal(images[0], fit(drawn, 200, 64, keep_aspect=True))


def test_the_command_draws_a_data_set_and_a_preview(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--style", "any", "--count", "8", "--length", "2-3", "--alphabet", "digits", "--fonts", *FONTS]
    output = ["--format", "png", "--workers", "1", "--output", str(tmp_path / "data")]
    assert main([*words, "--without", "warps", "curves", *output]) == 0
    said = capsys.readouterr().out
    assert "Random looks in 4 fonts of 3 families." in said
    assert "holds 8 images of sizes of their own, seed 0." in said
    description = json.loads((tmp_path / "data" / "dataset.json").read_text())
    assert description["style"]["any"]["without"] == ["bulge", "curves", "perspective", "swirl", "waves", "wobble"]
    assert description["spec"] == CaptchaSpec("0123456789", 2, 3, 200, 64, keep_aspect=True).to_json()
    assert main([*words, "--preview", str(tmp_path / "sheet.png")]) == 0
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.width > 250
        assert len(image.getcolors(1 << 24)) > 100


def test_other_styles_have_no_ingredients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--without", "curves", "--output", str(tmp_path / "data")]) == 2
    assert "--without needs --style any." in capsys.readouterr().err
    with pytest.raises(StyleError, match=r"must be library, separated or a .toml file, got 'any'"):
        read_captcha("any")


def test_the_contact_sheet_has_a_row_for_each_ingredient(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "data_gen.looks.sheet", str(tmp_path / "looks.png")]
    subprocess.run(command, check=True, cwd=ROOT)
    with Image.open(tmp_path / "looks.png") as written:
        assert written.tobytes() == sheet().tobytes()
        assert written.width > 1000
        assert written.height > len(NAMES) * 30
