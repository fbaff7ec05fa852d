"""Trains on the labels so far, in a process of its own, whenever there are enough new ones."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from captcha_keras.errors import InputError
from captcha_keras.training.run_folder import RunFolder, new_run, newest_run

# The page and its suggestions come first.
NICENESS = 5


class Trainings:
    """Starts a training after every so many labels, one at a time.

    Args:
        labels: The CSV file of the labels.
        runs: The folder of the run folders.
        every: New labels from one training to the next; 0 for no training.
        alphabet: The alphabet of the network; None for the characters of the labels.

    Raises:
        InputError: `every` is negative.

    Example:
        >>> trainings = Trainings(Path("labels.csv"), Path("runs"), every=50)
        >>> trainings.consider(37, Path("models/captcha/1"), on_trained=print)
        >>> trainings.status(37)
        {'running_on': None, 'in': 13, 'failed': ''}
    """

    def __init__(self, labels: Path, runs: Path, every: int, alphabet: str | None = None) -> None:
        if every < 0:
            raise InputError(f"--train-every must be at least 0, got {every}.")
        self._labels, self._runs, self._every, self._alphabet = labels, runs, every, alphabet
        self._lock = threading.Lock()
        self._last = 0
        self._failed = ""
        self._running_on: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def resume(self) -> RunFolder | None:
        """Go on after the run that was finished last, and return it; None if there is none."""
        run = newest_run(finished=True, runs=self._runs)
        if run is not None:
            self._last = trained_labels(run)
        return run

    def status(self, labels: int) -> dict[str, Any]:
        """What a page tells: `running_on` so many labels, the next training `in` so many, why the last one `failed`.

        Args:
            labels: The number of labels.
        """
        left = max(0, self._last + self._every - labels) if self._every else None
        return {"running_on": self._running_on, "in": left, "failed": self._failed}

    def consider(self, labels: int, model: Path, on_trained: Callable[[RunFolder], object]) -> None:
        """Start a training if it is time and none is running.

        Args:
            labels: The number of labels.
            model: The network whose weights it starts from.
            on_trained: Called with the run when it is finished, in another thread.
        """
        with self._lock:
            if self._closed or not self._every or self._running_on is not None or labels < self._last + self._every:
                return
            self._running_on = self._last = labels
        threading.Thread(target=self._train, args=(labels, model, on_trained), name="training", daemon=True).start()

    def close(self) -> None:
        """End a training that is running."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()

    def _train(self, labels: int, model: Path, on_trained: Callable[[RunFolder], object]) -> None:
        failed = ""
        try:
            run = new_run(f"{labels}-labels", self._runs)
            failed = self._run(run, model)
            if not failed:
                on_trained(run)
        except Exception as error:  # labelling goes on, whatever training does
            failed = str(error)
        finally:
            self._failed = f"The training on {labels} labels failed: {failed}" if failed else ""
            self._running_on = None

    def _run(self, run: RunFolder, model: Path) -> str:
        """Train; returns why it failed, or nothing."""
        self._runs.mkdir(parents=True, exist_ok=True)
        log = run.path.with_name(f"{run.path.name}.log")
        words = ["--data", self._labels, "--from", model, "--run", run.path]
        command = [sys.executable, "-m", "captcha_keras", "train", *(str(word) for word in words)]
        if self._alphabet is not None:
            command.append(f"--alphabet={self._alphabet}")
        with log.open("wb") as file:
            with self._lock:
                if self._closed:
                    return "labelling ended."
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
                )
                if hasattr(os, "setpriority"):
                    os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
            status = self._process.wait()
        self._process = None
        return "" if status == 0 else last_sentence(log.read_text("utf-8", errors="replace"), status)


def trained_labels(run: RunFolder) -> int:
    """The number of labels that a run was trained on.

    Example:
        >>> run = RunFolder(Path("run"))
        >>> run.path.mkdir()
        >>> run.write_record({"settings": {}, "spec": {}, "dataset": {"images": 50}})
        >>> trained_labels(run)
        50
    """
    return int(run.read_record()["dataset"]["images"])


def last_sentence(log: str, status: int) -> str:
    r"""The sentence that a command ended with, and the first of the lines that it listed below it.

    Args:
        log: What it wrote.
        status: Its exit status; negative for the signal that killed it.

    Example:
        >>> last_sentence("Decoding: 2/2 images\ndata has 2 bad entries:\n  a.png is empty\n  b.png is empty\n", 2)
        'data has 2 bad entries: a.png is empty'
    """
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    last = max((number for number, line in enumerate(lines) if not line[0].isspace()), default=None)
    if last is None or status < 0:
        return f"its process ended with status {status}."
    return " ".join(line.strip() for line in lines[last : last + 2])
