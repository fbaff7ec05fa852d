"""Runs an audit: resumable, and without the trials that cannot change its verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.engine import Engine
from captcha_keras.audit.findings import Findings, findings
from captcha_keras.audit.plan import Trial, sizes, sweep_trials, trials
from captcha_keras.audit.subject import Drawn, Subject
from captcha_keras.audit.sweep import changes
from captcha_keras.audit.trial import Result
from captcha_keras.audit.zero_labels import ZeroLabelPoint
from captcha_keras.errors import InputError
from captcha_keras.files import write_bytes, write_json

SETTINGS, TRIALS = "settings.json", "trials"
# Where every repetition reads so much, more samples cannot change the verdict.
ALL_READ = 0.99


def audit(
    subject: Subject,
    budget: Budget,
    folder: Path,
    *,
    engine: Engine,
    settings: Mapping[str, Any],
    progress: Callable[[int, int], Callable[[int], None]],
    zero_labels: Callable[[Path], Sequence[ZeroLabelPoint]] = lambda folder: (),
) -> Findings:
    """Run an audit: the trials that are not done yet, and then the findings from all of them.

    Args:
        subject: What is audited.
        budget: What it may cost.
        folder: Where finished trials are kept.
        engine: Where they run.
        settings: What decides the result; a folder that was begun with others is refused.
        progress: Called with the training images that are done and the most there can be; returns what is called with
            those done.
        zero_labels: Called first, with the folder; returns what readers read that need no label.

    Raises:
        InputError: The folder holds another audit.

    Example:
        >>> from captcha_keras.audit.trial import Check
        >>> from captcha_keras.spec import CaptchaSpec
        >>> checks, texts = (Check(images=320, cpu_seconds=60.0, read=0.5),), ("0X", "XX")
        >>> sure, contrast = (0.9, 0.4), {"contrast": (9.0, 9.0)}
        >>> result = Result(250, 0, "", checks, 1.0, None, texts, ("0X", "X0"), sure, sure, contrast, fonts=None)
        >>> subject, budget = Drawn(CaptchaSpec("0X", 2, 2)), Budget((250,), repetitions=1, images=320)
        >>> engine = lambda trials, seen: [(trial, result) for trial in trials]  # in place of `here()`, which trains
        >>> show = lambda done, total: print
        >>> found = audit(subject, budget, Path("audit"), engine=engine, settings={"seed": 0}, progress=show)
        320
        >>> found.verdict.level, Path("audit/trials/as-it-is-250-0.json").exists()
        ('broken', True)
    """
    _begin(folder, settings)
    unlearned = tuple(zero_labels(folder))
    runner = _Runner(folder, engine, progress)
    steps = sizes(subject, budget)
    swept = sweep_trials(changes(subject), budget) if isinstance(subject, Drawn) else []
    waves = [trials(subject, budget, samples) for samples in steps]
    runner.expect([trial for wave in waves for trial in wave] + swept)
    results: list[Result] = []
    for number, wave in enumerate(waves):
        done = runner.run(wave)
        results += done
        if all(result.right.mean() >= ALL_READ for result in done):
            runner.leave_out([trial for later in waves[number + 1 :] for trial in later])
            break
    # Without a figure for the settings as they are at that size there is nothing to compare with.
    if swept and budget.sweep not in {result.samples for result in results}:
        results += runner.run(trials(subject, budget, swept[0].samples))
    results += runner.run(swept)
    return findings(subject, budget, results, unlearned)


def _begin(folder: Path, settings: Mapping[str, Any]) -> None:
    path = folder / SETTINGS
    if not path.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is not empty and holds no audit; choose another --to.")
        (folder / TRIALS).mkdir(parents=True, exist_ok=True)
        write_json(path, settings)
    recorded = _leaves(json.loads(path.read_text("utf-8")))
    # As JSON gives it back: lists for tuples.
    expected = _leaves(json.loads(json.dumps(settings)))
    for name in sorted(set(recorded) | set(expected)):
        old, new = recorded.get(name), expected.get(name)
        if old != new:
            raise InputError(f"{folder} holds an audit with another {name} ({old}, not {new}); choose another --to.")


def _leaves(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The settings by their whole names, such as "budget.images"."""
    leaves: dict[str, Any] = {}
    for name, value in settings.items():
        leaves |= _leaves(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return leaves


class _Runner:
    """Runs trials that are not on disk yet, and keeps count."""

    def __init__(self, folder: Path, engine: Engine, progress: Callable[[int, int], Callable[[int], None]]) -> None:
        self._folder, self._engine, self._progress = folder / TRIALS, engine, progress
        self._folder.mkdir(exist_ok=True)
        self._done = self._total = 0

    def expect(self, planned: list[Trial]) -> None:
        """Begin to count."""
        self._total = sum(trial.budget.images for trial in planned)
        self._done = sum(trial.budget.images for trial in planned if self._file(trial).exists())
        self._show = self._progress(self._done, self._total)

    def leave_out(self, spared: list[Trial]) -> None:
        """Trials that are not needed count as done."""
        self._done += sum(trial.budget.images for trial in spared if not self._file(trial).exists())

    def run(self, wanted: list[Trial]) -> list[Result]:
        """The results, in the order of the trials."""
        missing = [trial for trial in wanted if not self._file(trial).exists()]
        for trial, result in self._engine(missing, lambda seen: self._show(min(self._done + seen, self._total - 1))):
            content = json.dumps(result.to_json(), ensure_ascii=False, separators=(",", ":"))
            write_bytes(self._file(trial), content.encode())
            self._done = min(self._done + trial.budget.images, self._total)
            self._show(self._done)
        return [Result.from_json(json.loads(self._file(trial).read_text("utf-8"))) for trial in wanted]

    def _file(self, trial: Trial) -> Path:
        return self._folder / f"{trial.name}.json"
