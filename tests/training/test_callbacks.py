"""Which epoch's network counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from captcha_keras.training.callbacks import FEWEST_TO_CHOOSE, BestModel
from captcha_keras.training.run_folder import RunFolder


@pytest.mark.parametrize(
    ("images", "expected"), [(FEWEST_TO_CHOOSE, "2"), (5_000, "2"), (FEWEST_TO_CHOOSE - 1, "4"), (1, "4")]
)
def test_few_validation_images_choose_nothing(tmp_path: Path, images: int, expected: str) -> None:
    epoch = 0
    best = BestModel(RunFolder(tmp_path), lambda path: path.write_text(str(epoch)), images)
    for accuracy in (0.5, 0.75, 0.75, 0.5):
        epoch += 1
        best.on_epoch_end(epoch - 1, {"val_captcha_accuracy": accuracy})
    assert RunFolder(tmp_path).best_model.read_text() == expected
