"""Which trained model a command uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from captcha_keras.errors import InputError

if TYPE_CHECKING:
    from captcha_keras.training import RunFolder


def chosen_run(path: Path | None) -> RunFolder:
    """The run that was asked for, or the newest finished one.

    Raises:
        InputError: There is none.
    """
    from captcha_keras.training import RunFolder
    from captcha_keras.training.run_folder import newest_run

    if path is not None:
        # A model file inside of a run stands for its run.
        return RunFolder(path.parent if path.suffix == ".keras" else path)
    run = newest_run(finished=True)
    if run is None:
        raise InputError("There is no finished run in runs/; train one with python train.py, or name one with --model.")
    return run
