"""A real training, small, on easy images; its page; and the same on a Ray cluster."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import data_gen
from captcha_keras.audit.budget import Budget
from captcha_keras.audit.engine import here, ray_tasks
from captcha_keras.audit.findings import Findings
from captcha_keras.audit.page import page, table
from captcha_keras.audit.people import PeoplesSide
from captcha_keras.audit.plan import Trial
from captcha_keras.audit.report import write_report
from captcha_keras.audit.runner import audit
from captcha_keras.audit.start import fit_material, load_start
from captcha_keras.audit.subject import Drawn, Folder, Material
from captcha_keras.audit.trial import Check, Result, _Watch, run
from captcha_keras.dataset.images import fit_to
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.dataset.load import in_memory
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from data_gen.style import PRESETS

# Two characters that are easy to tell apart, alone in their image.
SUBJECT = Drawn(CaptchaSpec("OX", 1, 1, 48, 40), replace(PRESETS["separated"], font_sizes=(28,)))
BUDGET = Budget((250, 500), 2, 3200, validation=60, test=80, sweep=250)


def silent(done: int, total: int) -> Callable[[int], None]:
    return lambda now: None


@pytest.fixture(scope="module")
def result() -> Result:
    seen: list[int] = []
    found = run(Trial(SUBJECT, 250, 0, BUDGET), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] <= 3200
    return found


def test_a_small_network_learns_two_characters(result: Result) -> None:
    assert result.right.mean() > 0.9
    assert result.texts != result.predictions or result.right.all()
    assert len(result.texts) == len(result.confidence) == len(result.properties["contrast"]) == 80
    assert all(0 < value <= 1 for value in result.confidence)
    # An eighth of 3,200 images, in whole batches of 32.
    assert [check.images for check in result.checks] == [384 * part for part in range(1, len(result.checks) + 1)]
    times = [check.cpu_seconds for check in result.checks]
    assert times == sorted(times)
    assert times[0] > 0
    # What is all read where the learning rate has come down is not trained on; in between nothing is decided.
    assert len(result.checks) in (2, 4, 8)
    assert all(result.checks[parts - 1].read < 0.995 for parts in (2, 4) if parts < len(result.checks))
    assert result.converged


def test_seeds_differ_in_weights_and_order() -> None:
    seeds = {
        Trial(replace(SUBJECT, seed=seed), samples, repetition, BUDGET).seed
        for seed in (0, 1)
        for samples in (250, 500)
        for repetition in (0, 1)
    }
    assert len(seeds) == 8
    assert Trial(SUBJECT, 250, 0, BUDGET).seed == Trial(SUBJECT, 250, 0, replace(BUDGET, images=64)).seed


def test_another_seed_is_another_training_and_the_same_one_the_same(tmp_path: Path) -> None:
    # Images of a folder: with both seeds the same test images can be read, so that only the training differs.
    short = replace(BUDGET, samples=(40,), images=64, validation=20, test=20)
    images = tmp_path / "images"
    settings = data_gen.Settings(data_gen.Series(SUBJECT.spec, 1, style=SUBJECT.style), 100)
    data_gen.generate_dataset(settings, images, engine=data_gen.processes(1))

    class SameSplit(Folder):
        """Splits as seed 0 does, whatever the seed."""

        def material(self, samples: int, repetition: int, budget: Budget, allocate: Any = in_memory) -> Material:
            return Folder(self.path).material(samples, repetition, budget, allocate)

    first, again, other = (run(Trial(SameSplit(str(images), seed=seed), 40, 0, short)) for seed in (0, 0, 1))
    assert first.texts == other.texts
    assert first.confidence == again.confidence
    assert first.confidence != other.confidence


@pytest.mark.parametrize(
    ("misread", "converged"),
    [
        ([0.6, 0.5, 0.48, 0.47], True),  # after twice the training less than a tenth of its errors went
        ([0.6, 0.5, 0.46, 0.44], False),
        ([0.03, 0.02, 0.019, 0.018], False),
        ([0.6, 0.5, 0.4, 0.2, 0.2, 0.2, 0.2, 0.19], True),  # after eight parts those after four are compared with
        ([0.6, 0.5, 0.4, 0.3, 0.2, 0.2, 0.2, 0.2], False),
        ([0.94, 0.94, 0.94, 0.94], False),  # has not begun to learn
        ([0.6, 0.5], False),  # nothing to compare with
    ],
)
def test_a_network_has_converged_when_twice_the_training_gives_little(misread: list[float], converged: bool) -> None:
    labels = np.tile(np.arange(20, dtype=np.int32)[:, np.newaxis], (5, 2))
    watch = _Watch(
        Recognizer(lambda images: {}, SUBJECT.spec),
        LabelledImages(np.zeros((100, 4, 4, 3), np.uint8), labels),
        lambda images: None,
    )
    watch.checks = [Check(32, 1.0, 0.1, fraction) for fraction in misread]
    assert watch._has_converged() == converged


def test_the_cap_is_told_from_convergence() -> None:
    # Eight steps are too few to learn anything.
    found = run(Trial(SUBJECT, 250, 0, replace(BUDGET, images=256)))
    assert not found.converged
    assert [check.images for check in found.checks] == [32 * part for part in range(1, 9)]


def test_a_training_starts_from_a_pretrained_model() -> None:
    # So few steps, at a learning rate that has hardly risen, teach nothing: what is read was known before.
    subject = Drawn(CaptchaSpec("3479ACEH", 4, 4))
    few = Budget((16,), 1, 256, validation=16, test=48)
    from_random, from_captcha = (run(Trial(subject, 16, 0, replace(few, start=start))) for start in (None, "captcha"))
    assert from_random.right.sum() <= 2
    assert from_captcha.right.mean() > 0.5
    assert from_captcha.texts == from_random.texts


def test_images_are_fitted_into_the_canvas_of_the_start() -> None:
    start = load_start("any")
    spec = start.learned(SUBJECT.spec)
    assert (spec.width, spec.height, spec.keep_aspect) == (start.spec.width, start.spec.height, True)
    assert (spec.alphabet, spec.length) == (SUBJECT.spec.alphabet, SUBJECT.spec.length)
    material = SUBJECT.material(3, 0, BUDGET)
    fitted = fit_material(material, spec)
    for part in ("training", "validation", "test"):
        before, after = getattr(material, part), getattr(fitted, part)
        assert after.images.shape == (len(before.images), spec.height, spec.width, 3)
        expected = fit_to(before.images[0], spec)
        np.testing.assert_array_equal(after.images[0], expected)
        np.testing.assert_array_equal(after.labels, before.labels)
    assert fitted.properties is material.properties
    assert fit_material(material, SUBJECT.spec).test is material.test


def test_a_result_survives_json(result: Result) -> None:
    content = json.loads(json.dumps(result.to_json()))
    assert Result.from_json(content) == result
    content["readings"] = content.pop("predictions")  # before version 0.2
    assert Result.from_json(content) == result


class Links(HTMLParser):
    """What a page loads, and what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "src" or (tag == "link" and name == "href"):
                self.loaded.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Findings]:
    folder = tmp_path_factory.mktemp("audited") / "audit"
    small = replace(BUDGET, samples=(250,), repetitions=1, sweep=None)
    findings = audit(SUBJECT, small, folder, engine=here(), settings={}, progress=silent)
    environment = {"packages": {"keras": "3"}, "processor": "a processor"}
    write_report(folder, findings, SUBJECT, small, title="<two>", command="captcha-keras", environment=environment)
    return folder, findings


def test_the_page_needs_nothing_else(audited: tuple[Path, Findings]) -> None:
    folder, findings = audited
    html = (folder / "audit.html").read_text("utf-8")
    links = Links()
    links.feed(html)
    assert len(links.loaded) == 10 + 3
    assert "vgg from random weights" in " ".join(links.words)
    assert all(each.startswith("data:image/") for each in links.loaded)
    assert "script" not in links.tags
    assert not re.search(r"url\(|@import", html)
    assert "$" not in html
    words = " ".join(links.words)
    assert findings.verdict.sentence in words
    assert "CAPTCHA audit: <two>" in words
    assert "No changes were tried" in words
    assert "This alphabet has no characters that people mix up." in words
    assert "Inaccessibility of CAPTCHA" in words
    recorded = json.loads((folder / "audit.json").read_text("utf-8"))
    assert recorded["verdict"]["sentence"] == findings.verdict.sentence
    assert recorded["command"] == "captcha-keras"


def test_the_page_tells_what_people_mix_up(audited: tuple[Path, Findings]) -> None:
    _, findings = audited
    none = np.zeros((0, 4, 6, 3), np.uint8)
    side = PeoplesSide(("0O", "8B"), images_with=0.45, fraction_of_errors=0.625, merged=0.875, faint=0.125)
    html = page(replace(findings, people=side, examples=()), "two", [], none, {})
    assert "mix up too: 0O, 8B. 45.0 % of the images hold one." in html
    assert "stay within such a group: 62.5 %. If each group counted as one character, 87.5 % of" in html
    without = replace(findings, people=replace(side, fraction_of_errors=None), examples=())
    assert "group: there were no errors." in page(without, "two", [], none, {})


def test_texts_on_the_page_are_texts(audited: tuple[Path, Findings]) -> None:
    _, findings = audited
    nasty = replace(findings, examples=(("<b>&", "<script>"),) * 2)
    html = page(nasty, "</title><script>", [("look", "<i>")], np.zeros((2, 4, 6, 3), np.uint8), {})
    links = Links()
    links.feed(html)
    assert not {"script", "b", "i"} & set(links.tags)
    assert "<b>&: read as <script>" in "".join(links.words)


def test_the_table_has_every_size_and_fraction(audited: tuple[Path, Findings]) -> None:
    _, findings = audited
    lines = table(findings).splitlines()
    assert lines[1].split()[0] == "250"
    assert [line.split()[0] for line in lines[4:9]] == ["1", "10", "50", "90", "99"]
    assert findings.verdict.sentence in lines


def test_images_of_ones_own(tmp_path: Path) -> None:
    images = tmp_path / "images"
    settings = data_gen.Settings(data_gen.Series(SUBJECT.spec, 1, style=SUBJECT.style), 400)
    data_gen.generate_dataset(settings, images, engine=data_gen.processes(1))
    own = Folder(str(images))
    small = replace(BUDGET, samples=(250,), repetitions=1)
    own.check(small)
    findings = audit(own, small, tmp_path / "audit", engine=here(), settings={}, progress=silent)
    assert findings.points[0].read.value > 0.8
    assert findings.points[0].samples == 250
    assert findings.sweep is None
    assert {each.name for each in findings.slices} == {"contrast"}
    assert not any("whoever knows the library" in reason for reason in findings.verdict.reasons)
    environment = {"packages": {"keras": "3"}, "processor": "a processor"}
    write_report(tmp_path, findings, own, small, title="own", command="captcha-keras", environment=environment)
    share = f"{250 / own.max_samples(small):.0%} of 250"
    assert f"two of them share {share} labelled images" in (tmp_path / "audit.html").read_text("utf-8")


@pytest.mark.long
def test_a_cluster_finds_what_this_machine_does(tmp_path: Path, result: Result) -> None:
    small = replace(BUDGET, samples=(250,), repetitions=2, sweep=None)
    findings = audit(
        SUBJECT,
        small,
        tmp_path / "audit",
        engine=ray_tasks(),
        settings={},
        progress=silent,
    )
    content = json.loads((tmp_path / "audit" / "trials" / "as-it-is-250-0.json").read_text("utf-8"))
    assert Result.from_json(content).texts == result.texts
    assert findings.points[0].read.value > 0.9
