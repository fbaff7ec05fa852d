from __future__ import annotations

import json
from pathlib import Path

import pytest

from captcha_keras.files import is_temporary, write_atomically, write_bytes, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"ä": 1})

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        assert is_temporary(temporary.name)
        assert temporary.suffix == ".json"
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_atomically(path, fail, durable=True)
    assert json.loads(path.read_text("utf-8")) == {"ä": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_write_replaces(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"1")
    write_bytes(tmp_path / "a", b"22")
    assert (tmp_path / "a").read_bytes() == b"22"
