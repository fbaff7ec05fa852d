"""The run folder: everything that a training leaves behind; it can be moved."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captcha_keras.errors import InputError
from captcha_keras.files import write_bytes, write_json
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig

if TYPE_CHECKING:
    import keras

RUNS = Path("runs")
# Where a version of an exported model keeps the record of its run.
EXPORTED_RECORD = "assets"


@dataclass(frozen=True)
class RunFolder:
    """The folder `runs/<name>/` of a run: the names and formats of its files.

    Example:
        >>> run = RunFolder(Path("runs/first"))
        >>> run.best_model.as_posix(), run.finished
        ('runs/first/best.keras', False)
    """

    path: Path

    @property
    def config_file(self) -> Path:
        """Every setting, the spec, and what it ran on."""
        return self.path / "config.json"

    @property
    def history_file(self) -> Path:
        """One row an epoch."""
        return self.path / "history.csv"

    @property
    def checkpoint_file(self) -> Path:
        """The complete training state after the last finished epoch."""
        return self.path / "checkpoint" / "state.npz"

    @property
    def best_model(self) -> Path:
        """The network of the epoch with the best validation image accuracy; see `BestModel`."""
        return self.path / "best.keras"

    @property
    def last_model(self) -> Path:
        """The network after the last epoch; written last, so the run is finished when it stands."""
        return self.path / "model.keras"

    @property
    def curves(self) -> Path:
        """Loss and accuracy by epoch."""
        return self.path / "curves.png"

    @property
    def evaluation(self) -> Path:
        """Where `evaluate.py` reports by default."""
        return self.path / "evaluation"

    @property
    def finished(self) -> bool:
        """Whether the training came to its end."""
        return self.last_model.is_file()

    def read_record(self) -> dict[str, Any]:
        """What `config.json` holds.

        Raises:
            InputError: The folder is no run, or its record is damaged.
        """
        try:
            value = json.loads(self.config_file.read_text("utf-8"))
        except OSError as error:
            raise InputError(f"{self.path} is no run folder: it has no {self.config_file.name}.") from error
        except ValueError as error:
            raise InputError(f"{self.config_file} is no readable JSON file: {error}.") from error
        if not isinstance(value, dict) or not {"settings", "spec", "dataset"} <= set(value):
            raise InputError(f"{self.config_file} lacks settings, spec or dataset.")
        return value

    def read_config(self) -> TrainConfig:
        """The settings of the run."""
        return TrainConfig.from_json(self.read_record()["settings"])

    def read_spec(self) -> CaptchaSpec:
        """The spec of the images the run was trained on."""
        return CaptchaSpec.from_json(self.read_record()["spec"])

    def load_network(self, file: Path | None = None) -> keras.Model:
        """Load a network of the run; it computes in float32.

        Args:
            file: Its file; by default that of the epoch with the best validation image accuracy.

        Raises:
            InputError: There is none, or it cannot be read.
        """
        import keras

        from captcha_keras.training.devices import compiles_with_xla

        file = file or self.best_model
        if not file.is_file():
            raise InputError(f"{self.path} has no {file.name} yet: its first epoch is not finished.")
        try:
            network: keras.Model = keras.saving.load_model(file, compile=False)
        except Exception as error:  # Keras raises many kinds on a damaged file
            raise InputError(f"{file} cannot be loaded: {error}") from error
        network.jit_compile = compiles_with_xla(network)
        return network

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write `config.json`."""
        write_json(self.config_file, record)

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write `history.csv` anew; the checkpoint holds the rows, so a kill cannot double one."""
        lines = [",".join(rows[0])]
        lines += [",".join(f"{value:.7g}" for value in row.values()) for row in rows]
        write_bytes(self.history_file, ("\n".join(lines) + "\n").encode())


def new_run(network: str, runs: Path = RUNS) -> RunFolder:
    """A run folder that does not exist yet: `runs/<date>-<network>`, numbered from the second on.

    Example:
        >>> new_run("vgg").path.mkdir(parents=True)
        >>> new_run("vgg").path.name.removeprefix(datetime.date.today().isoformat())
        '-vgg-2'
    """
    name = f"{datetime.date.today().isoformat()}-{network}"
    number, path = 1, runs / name
    while path.exists():
        number += 1
        path = runs / f"{name}-{number}"
    return RunFolder(path)


def newest_run(*, finished: bool, runs: Path = RUNS) -> RunFolder | None:
    """The run that was started last, among the finished or the unfinished ones; None if there is none.

    Example:
        >>> run = RunFolder(Path("trials/first"))
        >>> run.path.mkdir(parents=True)
        >>> run.write_record({})
        >>> newest_run(finished=False, runs=Path("trials")) == run, newest_run(finished=True, runs=Path("trials"))
        (True, None)
    """
    found = [RunFolder(file.parent) for file in runs.glob("*/config.json")]
    found = [run for run in found if run.finished == finished]
    return max(found, key=lambda run: run.config_file.stat().st_mtime, default=None)
