"""`captcha-keras predict` where there is no run: which model reads, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from captcha_keras.cli import predict


@pytest.fixture
def image(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An image file, seen from a folder without runs."""
    monkeypatch.chdir(tmp_path)
    return str(drawn / "images" / "00000.jpg")


def test_a_gpu_is_refused_for_files_that_the_cpu_reads(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict.main([image, "--model", "a.onnx", "--gpu"]) == 2
    assert capsys.readouterr().err == "a.onnx is read on the CPU alone; --gpu is for runs and exported models.\n"


@pytest.mark.parametrize(("limit", "model", "length"), [([], "captcha", 4), (["--length", "6"], "any", 6)])
def test_it_says_which_pretrained_model_reads(
    image: str, capsys: pytest.CaptureFixture[str], limit: list[str], model: str, length: int
) -> None:
    assert predict.main([image, *limit]) == 0
    output = capsys.readouterr()
    assert output.err == f"Read by the pretrained model {model}; --model names another.\n"
    path, text, confidence = output.out.rstrip("\n").split("\t")
    assert (path, len(text)) == (image, length)
    assert 0 < float(confidence) <= 1


def test_what_no_pretrained_model_reads_is_one_sentence(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict.main([image, "--length", "11"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "Read by the pretrained model any; --model names another.",
        "The model reads texts of 1-10 characters, not of 11.",
    ]
