"""Reading files of the server's disk never leaves their folder."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_keras.serving.batching import Batcher, BatchingConfig
from captcha_keras.serving.errors import Code, RequestError
from captcha_keras.serving.http.recognize import read_below, recognize, recognize_files
from captcha_keras.serving.models.model import ServedModel


@pytest.fixture(scope="module")
def model(version: Path) -> ServedModel:
    return ServedModel(version)


@pytest.fixture
def root(tmp_path: Path, files: list[bytes]) -> Path:
    """An image folder with a way out at every corner."""
    (tmp_path / "secret.jpg").write_bytes(files[0])
    root = tmp_path / "images"
    (root / "sub").mkdir(parents=True)
    (root / "a.jpg").write_bytes(files[1])
    (root / "sub" / "b.jpg").write_bytes(files[2])
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "out").symlink_to(tmp_path)
    os.mkfifo(root / "pipe.jpg")
    (root / "text.jpg").write_text("no image")
    return root


def read(model: ServedModel, root: Path, paths: list[object]) -> list[str]:
    return asyncio.run(recognize_files(paths, root, model, Batcher(BatchingConfig())))


def test_files_are_read_in_order_and_missing_ones_are_empty(model: ServedModel, root: Path, files: list[bytes]) -> None:
    async def single(content: bytes) -> str:
        return str((await recognize(content, model, Batcher(BatchingConfig())))["text"])

    expected = [asyncio.run(single(files[number])) for number in (2, 1)]
    assert all(expected)
    found = read(model, root, ["sub/b.jpg", "none.jpg", "sub/none/b.jpg", "text.jpg", "./a.jpg", "sub"])
    assert found == [expected[0], "", "", "", expected[1], ""]
    assert read(model, root, []) == []


def test_no_link_and_no_pipe_is_followed(model: ServedModel, root: Path) -> None:
    assert read(model, root, ["link.jpg", "out/secret.jpg", "out/images/a.jpg", "pipe.jpg"]) == ["", "", "", ""]


@pytest.mark.parametrize(
    "path", ["../secret.jpg", "sub/../../secret.jpg", "/etc/passwd", "", ".", "..", "a\0.jpg", "sub\\b.jpg", 1, None]
)
def test_a_path_that_could_lead_out_is_refused(model: ServedModel, root: Path, path: object) -> None:
    with pytest.raises(RequestError, match="must be a relative path below the image folder") as caught:
        read(model, root, ["a.jpg", path])
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(root: Path, files: list[bytes]) -> None:
    """The race that checks by name lose: the folder and a link to the secret change places all the time."""
    (root / "sub" / "secret.jpg").write_bytes(files[2])
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "sub").rename(root / "kept")
            (root / "sub").symlink_to(root.parent)
            (root / "sub").unlink()
            (root / "kept").rename(root / "sub")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        found: set[bytes] = set()
        tries, end = 0, time.monotonic() + 60
        # Until the folder was met, too: a busy machine may let the other thread run for long.
        while tries < 3000 or (files[2] not in found and time.monotonic() < end):
            found.add(read_below(root, PurePosixPath("sub/secret.jpg")))
            tries += 1
    finally:
        stop.set()
        thread.join()
    assert found <= {b"", files[2]}
    assert files[2] in found


@given(st.text(st.sampled_from("ab./\\\0~é"), max_size=12))
def test_any_path_stays_inside(path: str) -> None:
    # It is refused, or looked for below a folder that there is not.
    with pytest.raises((RequestError, FileNotFoundError)) as caught:
        asyncio.run(recognize_files([path, "x" * 5000], Path("/nowhere"), None, None))  # type: ignore[arg-type]
    if isinstance(caught.value, RequestError):
        assert caught.value.code is Code.INVALID_ARGUMENT
    else:
        assert caught.value.filename == "/nowhere"


def test_files_are_bounded_together(model: ServedModel, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (root / "a.jpg").stat().st_size
    monkeypatch.setattr("captcha_keras.serving.http.recognize.MAX_BYTES_TOGETHER", 2 * size)
    assert len(read(model, root, ["a.jpg"] * 2)) == 2
    with pytest.raises(RequestError, match=f"may have {2 * size:,} bytes together"):
        read(model, root, ["a.jpg"] * 3)


def test_no_file_stays_open(model: ServedModel, root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for path in ("sub", "text.jpg", "pipe.jpg", "none.jpg", "sub/b.jpg", "link.jpg"):
        read_below(root, PurePosixPath(path))
    assert len(os.listdir("/proc/self/fd")) == before


def test_too_many_paths_are_refused(model: ServedModel, root: Path) -> None:
    with pytest.raises(RequestError, match="may have 256 paths, got 257"):
        read(model, root, ["a.jpg"] * 257)


def test_an_answer_lists_the_five_likeliest_characters(model: ServedModel, files: list[bytes]) -> None:
    answer = asyncio.run(recognize(files[0], model, Batcher(BatchingConfig())))
    assert len(answer["characters"]) == 3
    product = 1.0
    text = ""
    for candidates in answer["characters"]:
        probabilities = [candidate["probability"] for candidate in candidates]
        assert len(candidates) == 5  # "0OXé" and "no character"
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert {candidate["character"] for candidate in candidates} == set("0OXé") | {""}
        product *= probabilities[0]
        text += candidates[0]["character"]
    assert answer["text"] == text
    assert answer["confidence"] == pytest.approx(product)
    assert answer["model_version"] == 1
    with pytest.raises(RequestError, match="no complete PNG or JPEG"):
        asyncio.run(recognize(b"junk", model, Batcher(BatchingConfig())))
