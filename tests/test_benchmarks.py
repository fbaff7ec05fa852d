"""What benchmarks claim to measure."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from benchmarks import ablation, audits_side_by_side, library_looks, reading_speed, zero_o
from benchmarks.audit_agreement import agreements
from benchmarks.peers import draw_captcha03, named_by_text
from benchmarks.peers.captcha_break import backbone_side, captcha_break
from benchmarks.time_to_accuracy import minutes_to, row, table
from captcha_keras.audit.budget import Budget
from captcha_keras.audit.findings import findings
from captcha_keras.audit.plan import Trial
from captcha_keras.audit.subject import Drawn
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.errors import InputError
from captcha_keras.networks.heads import stacked_logits
from captcha_keras.networks.registry import build_network, list_networks
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.run_folder import RunFolder
from data_gen import Style
from tests.audit.results import made_up


def test_captcha_break_is_the_network_described() -> None:
    network = captcha_break(CaptchaSpec(width=128, height=64))
    assert network.count_params() == 2_653_360
    assert network.get_layer("flatten").output.shape == (None, 4 * 2 * 256)
    assert backbone_side(128) == 4
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count("Conv2D") == kinds.count("BatchNormalization") == 10
    assert kinds.count("MaxPooling2D") == 5


def test_rows_of_the_library_s_looks_are_read_within_their_alphabet_and_length() -> None:
    default, longer = (
        library_looks.LOOKS[name] for name in ("default look, 170x80, 4 of 0-9A-Z", "200x80, 5 of 0-9A-Z")
    )
    recognizer = Recognizer.from_pretrained("captcha")
    assert library_looks.rate(recognizer, default, 60).right >= 55
    digits = replace(default, alphabet="0123456789")
    assert library_looks.rate(recognizer, digits, 60).right >= 55
    # The wrong look: what is counted are right answers.
    assert library_looks.rate(recognizer, replace(default, style=Style(noise_dots=900)), 60).right < 30
    with pytest.raises(InputError, match="reads texts of 4 characters, not of 5"):
        library_looks.rate(recognizer, longer, 1)


def test_the_ablation_starts_from_vgg() -> None:
    spec = CaptchaSpec()
    ours = stacked_logits(build_network("vgg", spec, keras.DTypePolicy("mixed_bfloat16")), spec)
    theirs = ablation.build(ablation.NOW)
    theirs.set_weights(ours.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (2, spec.height, spec.width, 3), np.uint8)
    np.testing.assert_array_equal(ours(images, training=False), theirs(images, training=False))
    config = TrainConfig()
    assert (ablation.NOW.rate, ablation.NOW.batch) == (config.learning_rate, config.batch_size)


@pytest.mark.parametrize("name", ablation.VARIANTS)
def test_every_variant_is_built_and_differs_in_something(name: str) -> None:
    network = ablation.build(ablation.VARIANTS[name])
    assert network.output.shape == (None, 4, 36)
    assert [other for other, variant in ablation.VARIANTS.items() if variant == ablation.VARIANTS[name]] == [name]


def test_a_subject_with_a_pool_of_its_own_comes_to_an_end() -> None:
    code = (
        "from benchmarks.generation_speed import renderers; from benchmarks.measure import interleaved; "
        "print(len(interleaved({'ours': (renderers, (2, None, 1))}, 1)['ours']))"
    )
    root = Path(__file__).parent.parent
    output = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, timeout=120, check=True).stdout
    assert output.split()[-1] == b"1"


def test_the_former_way_counts_the_trace_of_the_last_batch_as_reading() -> None:
    seen: list[int] = []

    def outputs(images: np.ndarray) -> dict[str, np.ndarray]:
        time.sleep(0.01 if len(images) in seen else 0.3)
        seen.append(len(images))
        return {"char_0": np.zeros((len(images), 2), np.float32)}

    images = np.zeros((300, 4, 4, 3), np.uint8)
    now, former = reading_speed.rates(Recognizer(outputs, CaptchaSpec("AB", 1, 1, 4, 4)), images)
    assert seen[:3] == [256, 256, 44]
    # Both read two batches, which takes 0.02 s; the former way traces for 0.3 s besides.
    assert former < 1000
    assert 2 * former < now <= 15_000


def test_every_network_has_its_row_of_reading_speeds() -> None:
    by_name = {each.name: each for each in reading_speed.subjects(2)}
    assert set(list_networks()) | {"vgg, 340x80", "segmented_lenet, 340x80"} == set(by_name)
    rows = reading_speed.measure([by_name["segmented_mlp"], by_name["vgg, 340x80"]], repeats=2)
    assert [figures["images"] for figures in rows.values()] == [2, 2]
    for figures in rows.values():
        assert 0 < figures["lowest"] <= figures["images_per_second"] <= figures["highest"]
    assert reading_speed.row(8, [(100, 50), (200, 100), (120, 90)]) == {
        "images": 8,
        "images_per_second": 120,
        "lowest": 100,
        "highest": 200,
        "former_images_per_second": 90,
        "former_to_now": 0.5,
    }
    head, *lines = reading_speed.table(rows).splitlines()
    assert "former way" in head
    assert [line.split()[:2] for line in lines] == [["segmented_mlp", "2"], ["vgg,", "340x80"]]


HISTORY = pd.DataFrame({"val_captcha_accuracy": [0.5, 0.9, 0.85, 0.96], "seconds": [60.0, 120, 60, 60]})


def test_minutes_to_an_accuracy_count_every_epoch_to_the_first_that_reaches_it() -> None:
    assert minutes_to(HISTORY, 0.5, "seconds") == 1
    assert minutes_to(HISTORY, 0.84, "seconds") == 3
    assert minutes_to(HISTORY, 0.95, "seconds") == 5
    assert minutes_to(HISTORY, 0.98, "seconds") is None


def test_time_to_accuracy_reads_a_run(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_record({"settings": TrainConfig().to_json(), "spec": {}, "dataset": {}})
    HISTORY.assign(cpu_seconds=HISTORY["seconds"] * 4).to_csv(run.history_file, index=False)
    figures = row(run, cores=2)
    assert figures["network"] == "vgg"
    assert figures["best"] == 0.96
    assert figures["minutes"] == 5
    assert figures["cpu_minutes"] == 10
    assert figures["cpu_minutes_to"] == {"84%": 6, "95%": 10, "98%": None, "99%": None}
    text = table({"mine": figures})
    assert text.splitlines()[1].split() == ["mine", "6.0", "10.0", "-", "-", "10.0", "96.00%"]


def test_captcha03_drawings_depend_on_seed_and_number_alone(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    # The program runs where captcha 0.3 is; here its pixels are random numbers of the same generator.
    class Captcha:
        def __init__(self, width: int, height: int) -> None:
            self.size = width * height * 3

        def generate_image(self, _: str) -> Captcha:
            return self

        def tobytes(self) -> bytes:
            return random.randbytes(self.size)

    monkeypatch.setattr(draw_captcha03, "ImageCaptcha", Captcha)

    def output(*words: object) -> bytes:
        monkeypatch.setattr(sys, "argv", ["draw", *map(str, words)])
        draw_captcha03.main()
        return capsysbinary.readouterr().out

    record = 4 + 4 * 2 * 3
    whole = output("seed", 0, 6, 1, 4, 2)
    assert len(whole) == 6 * record
    records = [whole[start : start + record] for start in range(0, len(whole), record)]
    assert len(set(records)) == 6
    assert output("seed", 1, 3, 2, 4, 2) == b"".join(records[1::2])
    assert output("other", 0, 6, 1, 4, 2) != whole


def test_pairs_differ_in_one_glyph_alone() -> None:
    pairs, places = zero_o.draw(CaptchaSpec(), 8)
    assert places.tolist() == [0, 1, 2, 3] * 2
    differ = zero_o.differences(pairs)
    assert (differ > 0).all()
    assert (differ < 1500).all()  # of 13,600 pixels
    changed = (pairs[:, 0] != pairs[:, 1]).any(axis=(1, 3))
    assert all(np.ptp(np.flatnonzero(columns)) < 45 for columns in changed)  # the width of a glyph
    assert zero_o.differences(pairs[:, [0, 0]]).tolist() == [0] * 8


def test_the_forced_choice_compares_the_two_images_of_a_pair() -> None:
    odds = np.array([[-1.0, 1], [1, -1], [2, 3], [-3, -2], [0, 0]])
    right = np.array([[True, True], [False, False], [False, True], [True, False], [True, False]])
    *parts, total = zero_o.rows(odds, right, np.array([5.0, 1, 4, 3, 2]))
    assert [part["forced_choice"] for part in parts] == [0, 0, 1, 1, 1]
    assert [part["read_right"] for part in parts] == [0, 0.5, 0.5, 0.5, 1]
    assert total == {"pairs": "all", "count": 5, "read_right": 0.5, "forced_choice": 0.6}


def test_two_audits_are_held_against_each_other() -> None:
    def audit(fractions: dict[int, tuple[float, tuple[float, ...], float]]) -> dict:
        points = [
            {"samples": samples, "read": {"low": low, "values": values, "high": high}}
            for samples, (low, values, high) in fractions.items()
        ]
        return {"points": points}

    first = audit({250: (0.1, (0.2,), 0.3), 1000: (0.5, (0.6,), 0.7), 4000: (0.8, (0.9,), 0.95)})
    second = audit({250: (0, (0.31, 0.3), 1), 1000: (0, (0.5,), 1)})
    assert [(each.words, each.holds) for each in agreements(first, second)] == [
        ("read at 250", False),
        ("read at 250", True),
        ("read at 1,000", True),
    ]


def test_audits_stand_side_by_side_with_what_each_found() -> None:
    def audit(fractions: dict[int, float]) -> dict:
        budget = Budget(tuple(fractions), repetitions=2, images=64, test=200)
        trials = [Trial(Drawn(), samples, number, budget) for samples in fractions for number in (0, 1)]
        results = [made_up(trial, fractions[trial.samples]) for trial in trials]
        return json.loads(json.dumps(findings(Drawn(), budget, results).to_json()))

    weak, strong = {250: 0.3, 1000: 0.995}, {250: 0.0, 1000: 0.0}
    head, *rest = audits_side_by_side.rows({"weak": audit(weak), "strong": audit(strong)})
    assert head == ("", "weak", "strong")
    cells = {row[0]: row[1:] for row in rest}
    assert len(cells) == len(rest) == 2 + 5 + 3
    assert cells["read after 250 labelled images"][1] == "0.00 % (0.00 % – 1.0 %)"
    assert 25 < float(cells["read after 250 labelled images"][0].split()[0]) < 35
    assert cells["labelled images to read 10 %"] == ("at most 250", "not reached")
    assert 250 < float(cells["labelled images to read 50 %"][0]) < 1000
    assert cells["CPU minutes of the longest training"] == ("0.7", "0.7")
    assert cells["answered where sure, of these right"][1] == "none"
    change = {"name": "overlap", "read": {"low": 0.25, "high": 0.5}}
    *_, last = audits_side_by_side.rows({"one": audit(weak) | {"sweep": {"changes": [change]}}, "two": audit(weak)})
    assert last == ("hardest change, what is read with it", "overlap, 25.0 % – 50.0 %", "not tried")


def test_images_named_by_number_and_text_are_the_same_data_set(drawn: Path, tmp_path: Path) -> None:
    assert named_by_text.copy(drawn, tmp_path / "named") == len(open_dataset(drawn))
    named = open_dataset(tmp_path / "named")
    assert named.description is None
    assert not named.problems
    texts = {record.path.read_bytes(): record.text for record in named.records}
    assert texts == {record.path.read_bytes(): record.text for record in open_dataset(drawn).records}
    with pytest.raises(FileExistsError):
        named_by_text.copy(drawn, tmp_path / "named")
