"""Ready-made readers, told alphabet and length as our network is.

Each takes files, the alphabet and the length, and gives the text of each file; one that cannot raises `InstallError`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_generators.install import DRIVERS, call, virtual_environment

Reader = Callable[[Sequence[Path], str, int], list[str]]
# With what is installed for them.
CTC_READERS = {"rapidocr": ("rapidocr==3.10.0", "onnxruntime==1.32.0"), "ddddocr": ("ddddocr==1.6.1",)}


def rapidocr(files: Sequence[Path], alphabet: str, length: int) -> list[str]:
    """Read with PP-OCRv6 small."""
    return _read_ctc("rapidocr", files, alphabet, length)


def ddddocr(files: Sequence[Path], alphabet: str, length: int) -> list[str]:
    """Read with ddddocr's default network."""
    return _read_ctc("ddddocr", files, alphabet, length)


def tesseract(files: Sequence[Path], alphabet: str, length: int) -> list[str]:
    """Read with Tesseract, as one line of text; it cannot be told the length."""
    options = ["--psm", "7", "-c", f"tessedit_char_whitelist={both_cases(alphabet)}"]
    texts = [call(["tesseract", str(file), "stdout", *options], OMP_THREAD_LIMIT="1") for file in files]
    return ["".join(into_alphabet(character, alphabet) for character in "".join(text.split())) for text in texts]


READERS: dict[str, Reader] = {"rapidocr": rapidocr, "ddddocr": ddddocr, "tesseract": tesseract}


def both_cases(alphabet: str) -> str:
    """The alphabet, and after it the other case of each letter that has but one in it."""
    others = [character.swapcase() for character in alphabet]
    return alphabet + "".join(other for other in others if other not in alphabet)


def into_alphabet(character: str, alphabet: str) -> str:
    """The character itself, or its other case where only that is in the alphabet."""
    return character if character in alphabet else character.swapcase()


def decode_ctc(probabilities: NDArray[np.float32], length: int) -> list[int]:
    """The likeliest path through CTC's probabilities that has this many characters.

    Args:
        probabilities: float32 `(steps, 1 + characters)`; column 0 is the blank.
        length: How many characters the path has, at most the number of steps.

    Returns:
        The columns of the characters.
    """
    columns = probabilities.shape[1]
    # Of the best path that has emitted n characters and ended in a column.
    scores = np.full((length + 1, columns), -np.inf)
    scores[0, 0] = 0
    steps = []
    for row in np.log(np.maximum(probabilities, 1e-30)):
        best = scores.argmax(1)
        others = scores.copy()
        others[np.arange(length + 1), best] = -np.inf
        # A new character comes after anything but itself; a blank after anything; the rest goes on.
        before = np.where(np.arange(columns) == best[:, None], others.argmax(1)[:, None], best[:, None])
        stay, origin = scores.copy(), np.tile(np.arange(columns), (length + 1, 1))
        stay[:, 0], origin[:, 0] = scores.max(1), best
        enter = np.full_like(scores, -np.inf)
        enter[1:, 1:] = np.take_along_axis(scores, before, 1)[:-1, 1:]
        entered = enter > stay
        origin[1:] = np.where(entered[1:], before[:-1], origin[1:])
        scores = np.where(entered, enter, stay) + row
        steps.append((entered, origin))
    path = []
    emitted, column = length, int(scores[length].argmax())
    for entered, origin in reversed(steps):
        source = int(origin[emitted, column])
        if entered[emitted, column]:
            path.append(column)
            emitted -= 1
        column = source
    return path[::-1]


def _read_ctc(name: str, files: Sequence[Path], alphabet: str, length: int) -> list[str]:
    python = virtual_environment(f"reader-{name}", CTC_READERS[name])
    characters = both_cases(alphabet)
    with tempfile.TemporaryDirectory() as folder:
        request, answer = Path(folder, "request.json"), Path(folder, "answer.npz")
        content = {"files": [str(file.resolve()) for file in files], "characters": characters}
        request.write_text(json.dumps(content), "utf-8")
        call([str(python), str(DRIVERS / f"read_{name}.py"), str(request), str(answer)])
        with np.load(answer) as rows:
            found = [rows[f"arr_{index}"] for index in range(len(files))]
    # A letter counts in whichever case it is seen, if the alphabet has but one.
    columns = [[1 + k for k, each in enumerate(characters) if into_alphabet(each, alphabet) == c] for c in alphabet]
    merged = [np.column_stack([row[:, 0], *(row[:, group].max(1) for group in columns)]) for row in found]
    return ["".join(alphabet[column - 1] for column in decode_ctc(row, length)) for row in merged]
