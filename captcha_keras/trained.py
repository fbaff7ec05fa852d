"""Finding a trained model: a run, an exported version, or the one that comes with the project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from captcha_keras.errors import InputError
from captcha_keras.training.run_folder import RUNS, RunFolder, newest_run

SHIPPED = Path(__file__).resolve().parents[1] / "models" / "captcha"
SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True)
class TrainedModel:
    """Where a trained model is and how it was trained.

    Attributes:
        path: The run folder, or the folder of an exported version.
        exported: Whether it is the latter.
    """

    path: Path
    exported: bool

    @property
    def run(self) -> RunFolder:
        """The record of its training; an exported model carries its run's among its assets."""
        return RunFolder(self.path / "assets" if self.exported else self.path)

    @property
    def evaluation(self) -> Path:
        """Where its evaluation is written by default: never into a model repository."""
        return (
            RUNS / f"{self.path.parent.name}-{self.path.name}" / "evaluation" if self.exported else self.run.evaluation
        )


def versions(repository: Path) -> dict[int, Path]:
    """The complete versions of an exported model, by number."""
    return {
        int(path.name): path
        for path in repository.glob("*/")
        if path.name.isascii() and path.name.isdecimal() and (path / SAVED_MODEL).is_file()
    }


def find_model(path: Path | None = None) -> TrainedModel:
    """The model at a path.

    Args:
        path: A run folder, a file inside of it, an exported version, or the folder of its versions, of which the latest
            counts. None for the newest finished run, and the shipped model if there is none.

    Raises:
        InputError: There is no model.
    """
    if path is None:
        run = newest_run(finished=True)
        if run is not None:
            return TrainedModel(run.path, exported=False)
        path = SHIPPED
    if path.suffix == ".keras":
        path = path.parent
    if (path / SAVED_MODEL).is_file():
        return TrainedModel(path, exported=True)
    found = versions(path)
    if found:
        return TrainedModel(found[max(found)], exported=True)
    if path == SHIPPED:
        raise InputError("There is no finished run in runs/; train one with python train.py, or name one with --model.")
    return TrainedModel(path, exported=False)
