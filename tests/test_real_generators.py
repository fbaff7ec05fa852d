"""The benchmark on generators that sites install: nothing is installed or fetched here."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.real_generators import install, labels, measure
from benchmarks.real_generators.draw import draw
from benchmarks.real_generators.generators import GENERATORS, Generator
from benchmarks.real_generators.held_out import HELD_OUT
from benchmarks.real_generators.install import DRIVERS, InstallError
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.dataset.split import split_indices
from captcha_keras.training.config import TrainConfig

EVERY = GENERATORS | HELD_OUT
FAKE = Generator("fake", "PyPI", ("fake==1.0",), "aAbB", 2, False, "none.py")
TEXTS = ("aB", "Ab", "bb", "AA", "ab")

# Draws TEXTS in turn; the red value of an image is its number.
DRIVER = f"""
import sys
from pathlib import Path
from PIL import Image
folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
texts = [{TEXTS!r}[k % 5] for k in range(count)]
for k in range(count):
    Image.new("RGB", (40 + k, 20), (k, 0, 0)).save(folder / f"{{k:05}}.gif" if k % 2 else folder / f"{{k:05}}.png")
"""
GOOD = DRIVER + '(folder / "labels.txt").write_text("\\n".join(texts) + "\\n")'


@pytest.fixture(autouse=True)
def no_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(install, "CACHE", tmp_path / "cache")


def command(tmp_path: Path, program: str) -> list[str]:
    path = tmp_path / "driver.py"
    path.write_text(program)
    return [sys.executable, str(path)]


@pytest.mark.parametrize("name", EVERY)
def test_the_table_is_complete_and_consistent(name: str) -> None:
    generator = EVERY[name]
    assert generator.name == name
    separator = {"PyPI": "==", "npm": "@", "Debian": "="}[generator.registry]
    assert generator.packages[0].startswith(name + separator)
    for package in generator.packages:
        assert re.fullmatch(rf"@?[\w./-]+{separator}\d[\d.:]*\*?", package), package
    endings = {"PyPI": (".py",), "npm": (".js",), "Debian": (".php", ".pl", ".rb")}
    assert (DRIVERS / generator.driver).suffix in endings[generator.registry]
    assert (DRIVERS / generator.driver).is_file()
    assert len(set(generator.alphabet)) == len(generator.alphabet)
    # Datasets and networks of the project take texts of this length.
    assert 1 <= generator.length <= 10


def test_every_driver_belongs_to_a_generator() -> None:
    known = {generator.driver for generator in EVERY.values()}
    assert {path.name for path in DRIVERS.iterdir() if path.is_file()} == known | {"__init__.py", "seeded.js"}


def test_versions_are_those_that_are_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "debian_version", {"php-gd": "2:8.2", "php-text-captcha=1.0.2*": "1.0.2-9"}.get)
    assert install.versions(GENERATORS["svg-captcha"]) == {"svg-captcha": "1.4.0", "@resvg/resvg-js": "2.6.2"}
    assert install.versions(FAKE) == {"fake": "1.0"}
    found = install.versions(GENERATORS["php-text-captcha"])
    assert (found["php-gd"], found["php-text-captcha"], found["php-cli"]) == ("2:8.2", "1.0.2-9", "none")


def test_a_folder_is_drawn_once(tmp_path: Path) -> None:
    to = tmp_path / "real"
    stale = to / ".tmp-fake"
    stale.mkdir(parents=True)
    (stale / "00099.png").touch()
    assert draw(FAKE, to, 5, install=lambda _: command(tmp_path, GOOD)) == "drawn: 40-44 x 20-20, 2 of ABab"
    assert [path.name for path in to.iterdir()] == ["fake"]
    records = open_dataset(to / "fake").records
    assert [record.text for record in records] == [*TEXTS]
    # No GIF is left, and every image is where it was.
    assert [record.path.suffix for record in records] == [".png"] * 5
    assert [int(record.read()[0, 0, 0]) for record in records] == [0, 1, 2, 3, 4]
    written = json.loads((to / "fake" / "generator.json").read_text())
    assert written == {"name": "fake", "count": 5, "seed": "0", "versions": {"fake": "1.0"}}

    def never(_: Generator) -> Sequence[str]:
        raise AssertionError

    assert draw(FAKE, to, 4, install=never) == "already there"
    assert draw(FAKE, to, 6, install=never).startswith("failed: ")
    assert len(open_dataset(to / "fake")) == 5


def test_what_cannot_be_seeded_says_so(tmp_path: Path) -> None:
    draw(replace(FAKE, seeded=False), tmp_path, 1, install=lambda _: command(tmp_path, GOOD))
    assert json.loads((tmp_path / "fake" / "generator.json").read_text())["seed"] is None


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise SystemExit('no font')", "failed with 1: no font"),
        ("pass", "has no images"),
        (DRIVER, "'00000' is no text"),
        (GOOD.replace("for k in range(count):\n", "for k in range(2):\n"), "2 images, expected 5"),
        (GOOD.replace("texts) +", "texts[1:]) +"), "labels.txt has 4 lines"),
        (GOOD + "; (folder / '00002.png').write_bytes(b'')", "is empty"),
        (GOOD.replace("'ab'", "'aC'"), "'aC' is no text of 2 of aAbB"),
        (GOOD.replace("'ab'", "'aba'"), "'aba' is no text"),
    ],
)
def test_a_failed_drawing_is_a_row_and_leaves_nothing(tmp_path: Path, program: str, message: str) -> None:
    outcome = draw(FAKE, tmp_path / "real", 5, install=lambda _: command(tmp_path, program))
    assert outcome.startswith("failed: ")
    assert message in outcome
    assert not list((tmp_path / "real").iterdir())


def test_what_cannot_be_installed_is_a_row(tmp_path: Path) -> None:
    def refuse(_: Generator) -> Sequence[str]:
        raise InstallError("npm cannot be run: No such file or directory")

    assert draw(FAKE, tmp_path, 5, install=refuse) == "failed: npm cannot be run: No such file or directory"
    with pytest.raises(InstallError, match="no-such-program cannot be run: No such file"):
        install.call(["no-such-program"])


def test_packages_are_installed_once_and_again_after_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def call(words: Sequence[str]) -> str:
        calls.append(words[-1])
        install.CACHE.joinpath("fake").mkdir(parents=True, exist_ok=True)
        return ""

    monkeypatch.setattr(install, "call", call)
    python = str(install.CACHE / "fake" / "bin" / "python")
    for _ in range(2):
        assert install.install(FAKE) == [python, str(DRIVERS / "none.py")]
    assert calls == [str(install.CACHE / "fake"), "fake==1.0"]
    install.install(replace(FAKE, packages=("fake==2.0",)))
    assert calls[2:] == [str(install.CACHE / "fake"), "fake==2.0"]


def test_only_root_installs_into_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Sequence[str]] = []
    monkeypatch.setattr(install, "call", calls.append)
    monkeypatch.setattr(install, "debian_version", {"php-cli": "2:8.2"}.get)
    monkeypatch.setattr(install.shutil, "which", lambda name: name)
    monkeypatch.setattr(install.os, "geteuid", lambda: 1000)
    install.install_debian(["php-cli"])
    with pytest.raises(InstallError, match=r"root to run: apt-get install .* php-gd$"):
        install.install_debian(["php-cli", "php-gd"])
    assert not calls
    monkeypatch.setattr(install.os, "geteuid", lambda: 0)
    install.install_debian(["php-cli", "php-gd"])
    assert [words[-1] for words in calls] == ["update", "php-gd"]


def test_case_counts_unless_the_generator_folds_it() -> None:
    texts, read = ["aB", "Ab", "bb"], ["aB", "AB", "ba"]
    assert measure.score(FAKE, read, texts).right == 1
    assert measure.score(replace(FAKE, folds_case=True), read, texts).right == 2
    assert {name for name, each in EVERY.items() if each.folds_case} == {
        "django-simple-captcha",
        "wheezy.captcha",
        "flask-simple-captcha",
        "libauthen-captcha-perl",
        "php-gregwar-captcha",
        "ruby-simple-captcha2",
        "easy-captcha-python",
    }


def test_rows_have_the_test_images_and_the_errors(tmp_path: Path) -> None:
    draw(FAKE, tmp_path, 9, install=lambda _: command(tmp_path, GOOD))
    asked = []

    class Good:
        name = "good"

        def read(self, images: Sequence[np.ndarray], alphabet: str | None, length: tuple[int, int] | None) -> list[str]:
            numbers = [int(image[0, 0, 0]) for image in images]
            asked.append((numbers, alphabet, length))
            return [*(TEXTS[number % 5] for number in numbers[:2]), "no"]

    class Broken:
        name = "broken"

        def read(self, *_: object) -> list[str]:
            raise RuntimeError("it crashed")

    readers = {"good": Good(), "broken": Broken()}
    row = measure.measure(FAKE, tmp_path / "fake", 3, readers)
    test = split_indices(9, seed=0, test=1 / 3).test
    assert asked == [(test.tolist(), "aAbB", (2, 2))]
    assert (row["count"], row["versions"]) == (3, {"fake": "1.0"})
    assert row["readers"]["good"] == pytest.approx(
        {"right": 2, "total": 3, "fraction": 2 / 3, "low": 0.2077, "high": 0.9385}, abs=1e-4
    )
    assert row["readers"]["broken"] == {"error": "it crashed"}
    absent = measure.measure(replace(FAKE, name="absent"), tmp_path / "absent", 3, readers)
    assert absent["count"] == 0
    assert absent["readers"]["good"]["error"].startswith("not drawn")

    rows = [row, absent, {**row, "readers": {**row["readers"], "good": {"fraction": 0.0, "low": 0.0, "high": 1.0}}}]
    assert measure.means(rows, ["good", "broken"]) == {
        "good": {"fraction": pytest.approx(1 / 3), "generators": 2},
        "broken": {"fraction": None, "generators": 0},
    }
    lines = measure.table(rows, ["good", "broken"]).splitlines()
    assert lines[1].split() == ["fake", "3", "66.7%", "(20.8%", "-", "93.9%)", "failed"]
    assert lines[4].split() == ["mean", "33.3%", "of", "2", "-"]
    assert "fake, broken: it crashed" in lines


def test_few_labels_teach_a_generator_and_the_test_images_stay_unseen(tmp_path: Path) -> None:
    generator = replace(FAKE, alphabet="ab")
    program = GOOD.replace(repr(TEXTS), "('aa', 'bb')").replace("k % 5", "k % 2")
    # The red value says which text it is.
    program = program.replace("(k, 0, 0)", "(255 * (k % 2), 0, 0)").replace("40 + k, 20", "40, 20")
    draw(generator, tmp_path, 60, install=lambda _: command(tmp_path, program))
    folder = tmp_path / "fake"
    few = {"labels": 24, "test_fraction": measure.TEST_FRACTION, "epochs": 30, "batch_size": 8, "precision": "float32"}
    config = TrainConfig(str(folder), "vgg", alphabet="ab", augmentation=None, warmup_steps=10, **few)
    row = labels.learned(generator, folder, config, 20)
    assert (row["total"], row["right"]) == (20, 20)
    test = {int(record.path.stem) for record in measure.test_records(folder, 99)}
    assert len(test) == 20
    assert test == set(config.split(60).test.tolist())


def test_the_table_of_labels_has_means_over_seeds_and_generators() -> None:
    def row(generator: str, count: int, fraction: float) -> dict[str, object]:
        return {"generator": generator, "labels": count, "fraction": fraction}

    rows = [row("gvcode", 100, 0.5), row("gvcode", 100, 0.7), row("svg-captcha", 100, 0.9), row("gvcode", 500, 0.8)]
    lines = [line.split() for line in labels.table(rows, [100, 500]).splitlines()]
    assert lines == [
        ["100", "500", "labels"],
        ["svg-captcha", "90.0%", "-"],
        ["gvcode", "60.0%", "80.0%"],
        ["mean", "75.0%", "80.0%"],
    ]
