from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.evaluation.figures import score
from captcha_keras.evaluation.plots import plot_characters, plot_confusion, plot_curves
from captcha_keras.evaluation.report import write_report
from captcha_keras.evaluation.tables import table
from captcha_keras.spec import CaptchaSpec

SPEC = CaptchaSpec("0O$_X", 2, 2, 64, 40)


def probabilities(predictions: np.ndarray, sure: float = 0.9) -> np.ndarray:
    rest = (1 - sure) / (SPEC.num_classes - 1)
    result = np.full((*predictions.shape, SPEC.num_classes), rest, np.float32)
    np.put_along_axis(result, predictions[..., None], sure, axis=-1)
    return result


def case(*pairs: tuple[str, str]) -> tuple[LabelledImages, np.ndarray]:
    truth, read = (SPEC.encode_all(texts) for texts in zip(*pairs, strict=True))
    images = np.random.default_rng(0).integers(0, 256, (len(pairs), 40, 64, 3), np.uint8)
    names = tuple(f"{i}.png" for i in range(len(pairs)))
    return LabelledImages(images, truth, names, "four images"), probabilities(read)


DATA, PROBABILITIES = case(("00", "00"), ("0O", "OO"), ("$_", "$$"), ("XX", "XX"))


def test_the_table_says_what_was_counted() -> None:
    lines = table(score(PROBABILITIES.argmax(-1), DATA.labels, SPEC, 0.0025)).splitlines()
    found = {line[:28].strip(): line.split() for line in lines if line}
    assert found["characters"][1:3] == ["75.00", "%"]
    assert found["characters"][-1] == "6/8"
    assert found["position 1"][-1] == "3/4"
    assert found["images"][-1] == "2/4"
    assert found["images"][3:7] == ["15.00", "–", "85.00", "%"]
    assert found["images, 0 and O merged"][-1] == "3/4"
    assert "  truth 0             2        1        0" in lines
    assert "  fraction of all character errors: 50.0 %" in lines
    assert "most frequent confusions: 0→O 1, _→$ 1" in lines
    assert "time per image: 2.50 ms, in batches" in lines
    assert "images, within 3 attempts     87.50 %" in lines
    assert not any("case" in line or "number of characters" in line for line in lines)


def test_the_table_has_case_and_lengths_where_there_are_such() -> None:
    spec = CaptchaSpec("cCx", 1, 2)
    truth, read = spec.encode_all(["cC", "Cx", "x", "c"]), spec.encode_all(["CC", "C", "xx", "c"])
    read[2] = 3
    lines = table(score(read, truth, spec)).splitlines()
    found = {line[:28].strip(): line.split() for line in lines if line}
    assert found["number of characters"][-1] == "2/4"
    assert found["images, case folded"][-1] == "2/4"
    assert found["characters, case folded"][-1] == "4/6"
    assert found["characters"][-1] == "3/6"
    assert "images with a wrong number of characters: 1 too few, 0 too many, 1 none read" in lines
    assert "letters read in the other case: c→C 1" in lines
    assert "  fraction of all character errors: 33.3 %" in lines


def test_the_report_has_its_four_files(tmp_path: Path) -> None:
    evaluation = score(PROBABILITIES.argmax(-1), DATA.labels, SPEC)
    write_report(tmp_path / "new" / "folder", evaluation, SPEC, DATA, PROBABILITIES)
    folder = tmp_path / "new" / "folder"
    value = json.loads((folder / "evaluation.json").read_text())
    assert value["confusion_matrix"][0] == [2, 1, 0, 0, 0]
    with (folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["text"], row["prediction"], row["right"]) for row in rows] == [
        ("0.png", "00", "00", "True"),
        ("1.png", "0O", "OO", "False"),
        ("2.png", "$_", "$$", "False"),
        ("3.png", "XX", "XX", "True"),
    ]
    assert float(rows[0]["confidence"]) == pytest.approx(0.81, abs=1e-5)
    for name in ("confusion.png", "errors.png"):
        with Image.open(folder / name) as picture:
            assert len(picture.convert("RGB").getcolors(1_000_000) or []) > 20
    assert len(list(folder.iterdir())) == 4


def test_no_errors_and_many_errors_can_be_drawn(tmp_path: Path) -> None:
    for pairs in ([("00", "00")], [("00", "XX")] * 90):
        data, scores = case(*pairs)
        evaluation = score(scores.argmax(-1), data.labels, SPEC)
        write_report(tmp_path, evaluation, SPEC, data, scores)
        assert (tmp_path / "errors.png").stat().st_size > 1000


def test_misread_characters_are_drawn_where_the_cut_was_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = CaptchaSpec("AB$", 1, 3)
    labels = spec.encode_all(["AB", "B$A", "A", "AAA"])
    predictions = spec.encode_all(["AA", "B$B", "BB", "BBB"])
    squares = np.random.default_rng(0).random((4, 3, 8, 8), np.float32)
    titles: list[str] = []
    monkeypatch.setattr(Axes, "set_title", lambda self, text, **words: titles.append(text))
    # The last image was cut into two parts: which characters these are is not known.
    plot_characters(squares, np.array([2, 3, 1, 2]), labels, predictions, spec, tmp_path / "characters.png")
    assert titles == ["B→A", "A→B", "A→B"]
    with Image.open(tmp_path / "characters.png") as picture:
        assert picture.width > 1000
    plot_characters(squares, np.array([2, 3, 1, 3]), labels, labels, spec, tmp_path / "none.png")
    assert len(titles) == 3
    assert (tmp_path / "none.png").exists()


def test_one_class_and_no_character(tmp_path: Path) -> None:
    for spec, texts in ((CaptchaSpec("A", 1, 1), ["A"]), (CaptchaSpec("A", 1, 3), ["A", "AAA"])):
        labels = spec.encode_all(texts)
        evaluation = score(np.zeros_like(labels), labels, spec)
        plot_confusion(evaluation, spec, tmp_path / "confusion.png")
        assert "characters" in table(evaluation)
    assert "∅→A 2" in table(evaluation)


def test_curves_are_drawn_from_the_history(tmp_path: Path) -> None:
    columns = "epoch,captcha_accuracy,character_accuracy,loss,val_captcha_accuracy,val_character_accuracy,val_loss"
    (tmp_path / "history.csv").write_text(f"{columns}\n1,0,0.1,3,0,0.1,3.2\n2,0.5,0.8,1,0.4,0.7,1.2\n")
    plot_curves(tmp_path / "history.csv", tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (1100, 440)
    assert {path.name for path in tmp_path.iterdir()} == {"history.csv", "curves.png"}
