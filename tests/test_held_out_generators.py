"""The generators held out for the final measurement: drawn and measured on request alone; nothing is installed here."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from benchmarks.real_generators import draw as drawing
from benchmarks.real_generators import labels, measure
from benchmarks.real_generators.generators import GENERATORS, Generator
from benchmarks.real_generators.groups import EIGHT, TEN
from benchmarks.real_generators.held_out import HELD_OUT
from captcha_keras.errors import InputError


def test_ten_generators_are_held_out_and_drawn_on_request_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (len(GENERATORS), len(HELD_OUT)) == (8, 10)
    assert not GENERATORS.keys() & HELD_OUT.keys()
    assert not {each.driver for each in GENERATORS.values()} & {each.driver for each in HELD_OUT.values()}
    drawn: list[tuple[str, Path, int]] = []

    def record(generator: Generator, to: Path, count: int, _: str) -> str:
        drawn.append((generator.name, to, count))
        return "drawn"

    def command_line(*words: str) -> list[tuple[str, Path, int]]:
        drawn.clear()
        monkeypatch.setattr(sys, "argv", ["draw", *words])
        with pytest.raises(SystemExit) as end:
            drawing.main()
        return [*drawn, ("status", Path(), int(end.value.code or 0))]

    monkeypatch.setattr(drawing, "draw", record)
    done = ("status", Path(), 0)
    assert command_line("--count", "3") == [*((name, Path("data/real"), 3) for name in GENERATORS), done]
    assert command_line("--held-out", "--count", "3") == [
        *((name, Path("data/held_out"), 3) for name in HELD_OUT),
        done,
    ]
    assert command_line("--held-out", "--to", "x", "claptcha") == [("claptcha", Path("x"), 4000), done]
    capsys.readouterr()
    assert command_line("claptcha") == [("status", Path(), 2)]
    assert "the eight generators have no claptcha; they are django-simple-captcha" in capsys.readouterr().err


@pytest.mark.parametrize("program", [measure, labels])
def test_measurements_take_the_generators_held_out(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def command_line(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["measure", "--model", str(tmp_path / "none"), *words])
        with pytest.raises((SystemExit, InputError)) as end:
            program.main()
        return capsys.readouterr().err + str(end.value)

    assert "the eight generators have no claptcha" in command_line("--only", "gvcode", "claptcha")
    assert "the generators held out have no gvcode" in command_line("--held-out", "--only", "gvcode", "claptcha")
    # These names are right; the model is not.
    assert "claptcha" not in (message := command_line("--held-out", "--only", "claptcha"))
    assert str(tmp_path / "none") in message
    assert EIGHT.results != TEN.results


def test_transparent_images_lie_on_white(tmp_path: Path) -> None:
    for name in ("palette.png", "animated.gif"):
        image = Image.new("P", (4, 2), 0)
        image.putpalette([0, 0, 0, 80, 80, 80])
        image.putpixel((1, 0), 1)
        image.save(tmp_path / name, transparency=0)
    Image.new("LA", (4, 2), (0, 51)).save(tmp_path / "faint.png")
    Image.new("1", (4, 2), 1).save(tmp_path / "opaque.png")
    before = (tmp_path / "opaque.png").read_bytes()
    drawing.flatten(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"palette.png", "animated.png", "faint.png", "opaque.png"}
    for name in ("palette.png", "animated.png"):
        with Image.open(tmp_path / name) as image:
            assert (image.mode, image.getpixel((0, 0)), image.getpixel((1, 0))) == ("RGB", (255,) * 3, (80,) * 3)
    with Image.open(tmp_path / "faint.png") as image:
        assert image.getpixel((3, 1)) == (204, 204, 204)
    assert (tmp_path / "opaque.png").read_bytes() == before
