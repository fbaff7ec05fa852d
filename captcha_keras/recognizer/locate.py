"""Finds a trained model: a run, an exported version, or one that comes with the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from captcha_keras.errors import InputError
from captcha_keras.recognizer.formats import SAVED_MODEL, read_spec
from captcha_keras.recognizer.limits import Length, limit_mask
from captcha_keras.recognizer.pretrained import list_pretrained, pretrained_path, versions
from captcha_keras.training.run_folder import EXPORTED_RECORD, RUNS, RunFolder, newest_run

# The model that reads where none is named.
DEFAULT_MODEL = "captcha"
# The one for images of which nothing is known.
MODEL_FOR_ANY_LOOK = "any"


@dataclass(frozen=True)
class TrainedModel:
    """Where a trained model is and how it was trained.

    Attributes:
        path: The run folder, or the folder of an exported version.
        exported: Whether it is the latter.
        file: The file of the run that holds the network; None for the one of the best epoch.

    Example:
        >>> model = TrainedModel(Path("models/captcha/1"), exported=True)
        >>> model.run.config_file.as_posix(), model.evaluation.as_posix()
        ('models/captcha/1/assets/config.json', 'runs/captcha-1/evaluation')
    """

    path: Path
    exported: bool
    file: Path | None = None

    @property
    def run(self) -> RunFolder:
        """The record of its training; an exported model carries its run's among its assets."""
        return RunFolder(self.path / EXPORTED_RECORD if self.exported else self.path)

    @property
    def evaluation(self) -> Path:
        """Where its evaluation is written by default: never into a model repository."""
        if self.exported:
            return RUNS / f"{self.path.parent.name}-{self.path.name}" / "evaluation"
        return self.run.evaluation


def find_model(path: Path | None = None) -> TrainedModel:
    """Find the trained model at a path.

    Args:
        path: A run folder, a `.keras` file inside of it, an exported version, the folder of its versions (the latest
            counts), or the name of a pretrained model. None for the newest finished run, and the pretrained model if
            there is none.

    Raises:
        InputError: There is no model.

    Example:
        >>> model = find_model(Path("captcha"))
        >>> model.exported, model.path.name
        (True, '1')
    """
    if path is None:
        run = newest_run(finished=True)
        if run is not None:
            return TrainedModel(run.path, exported=False)
        if DEFAULT_MODEL not in list_pretrained():
            raise InputError(
                "There is no finished run in runs/; train one with python train.py, or name one with --model."
            )
        path = pretrained_path(DEFAULT_MODEL)
    if not path.exists() and str(path) in list_pretrained():
        path = pretrained_path(str(path))
    if path.suffix == ".keras":
        if not path.is_file():
            raise InputError(f"{path} is not there.")
        return TrainedModel(path.parent, exported=False, file=path)
    if (path / SAVED_MODEL).is_file():
        return TrainedModel(path, exported=True)
    found = versions(path)
    if found:
        return TrainedModel(found[max(found)], exported=True)
    return TrainedModel(path, exported=False)


def recommended_model(alphabet: str | None = None, length: Length | None = None) -> TrainedModel:
    """The model for images of which no more is known: the newest finished run, else a pretrained model.

    Args:
        alphabet: The only characters that the texts may have; None if they are not known.
        length: How many characters the texts have: 4, "4-6" or (4, 6); None if it is not known.

    Returns:
        Without a run, the specialist for the library's default look; if it cannot read such texts, the model for any
        look.

    Raises:
        InputError: There is no model.

    Example:
        >>> [recommended_model(length=length).path.parent.name for length in (4, 6)]
        ['captcha', 'any']
    """
    model = find_model()
    if not model.exported:
        return model
    try:
        limit_mask(read_spec(model.path), alphabet, length)
    except InputError:
        return find_model(pretrained_path(MODEL_FOR_ANY_LOOK))
    return model
