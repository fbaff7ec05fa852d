"""Reads with ddddocr: python read_ddddocr.py REQUEST.json ANSWER.npz, as read_rapidocr.py does."""

import json
import sys
from pathlib import Path

import numpy as np
from ddddocr import DdddOcr  # type: ignore[import-not-found]


def main(request: dict[str, list[str]], answer: str) -> None:
    """Read the files with its default network."""
    reader = DdddOcr(show_ad=False)
    rows, columns = [], None
    for file in request["files"]:
        read = reader.classification(Path(file).read_bytes(), probability=True)
        columns = columns or [0, *(read["charset"].index(character) for character in request["characters"])]
        probabilities = np.array(read["probabilities"], np.float32)
        # (steps, 1, characters); other releases have the first two the other way round.
        rows.append(probabilities.reshape(-1, probabilities.shape[-1])[:, columns])
    np.savez(answer, *rows)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2])
