"""Writes the files of a finished audit."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from captcha_keras.audit.budget import Budget
from captcha_keras.audit.findings import Findings
from captcha_keras.audit.page import page
from captcha_keras.audit.subject import Drawn, Subject
from captcha_keras.audit.sweep import changes
from captcha_keras.audit.trial import reader_name
from captcha_keras.files import write_bytes, write_json

# Pictures of each change; wider images leave no room for more.
SHOWN = 2


def write_report(
    folder: Path,
    findings: Findings,
    subject: Subject,
    budget: Budget,
    *,
    title: str,
    command: str,
    environment: Mapping[str, Any],
) -> None:
    """Write the report of an audit: `audit.json` and `audit.html`.

    Args:
        folder: Where to.
        findings: What was found.
        subject: What was audited.
        budget: What it could cost.
        title: Its name.
        command: The command, for the page.
        environment: Device and releases, as a run records them.

    Example:
        >>> from captcha_keras.audit.findings import findings
        >>> from captcha_keras.audit.trial import Check, Result
        >>> from captcha_keras.spec import CaptchaSpec
        >>> checks, texts = (Check(images=320, cpu_seconds=60.0, read=0.5),), ("0X", "XX")
        >>> sure, contrast = (0.9, 0.4), {"contrast": (9.0, 9.0)}
        >>> result = Result(250, 0, "", checks, 1.0, None, texts, ("0X", "X0"), sure, sure, contrast, fonts=None)
        >>> subject, budget = Drawn(CaptchaSpec("0X", 2, 2)), Budget((250,), repetitions=1, images=320)
        >>> found, machine = findings(subject, budget, [result]), {"processor": "two cores", "packages": {}}
        >>> write_report(Path(), found, subject, budget, title="Login", command="make audit", environment=machine)
        >>> sorted(path.name for path in Path().iterdir())
        ['audit.html', 'audit.json']
    """
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    recorded = {"command": command, "date": date, "environment": dict(environment)}
    write_json(folder / "audit.json", {**recorded, **findings.to_json()})
    spec = subject.spec
    packages = ", ".join(f"{name} {version}" for name, version in environment["packages"].items() if version)
    settings = [
        ("command", command),
        ("images", f"{spec.width}x{spec.height}, {spec.length} characters of {spec.alphabet}"),
        *_look(subject, budget, findings),
        (
            "training",
            f"{reader_name(budget)}, up to {budget.images:,} images each, distorted, until it gets no better; "
            f"{budget.repetitions} repetitions with other images; "
            f"{findings.trainings} trainings, {findings.cpu_minutes:.0f} CPU minutes",
        ),
        (
            "test",
            f"up to {budget.test:,} images a repetition that no training saw; {budget.validation:,} for validation",
        ),
        ("machine", environment["processor"]),
        ("releases", packages),
        ("date", date),
    ]
    swept = changes(subject) if findings.sweep and isinstance(subject, Drawn) else []
    changed = {change.name: change.subject.pictures(SHOWN, budget) for change in swept}
    pictures = subject.pictures(len(findings.examples), budget)
    content = page(findings, title, settings, pictures, changed)
    write_bytes(folder / "audit.html", content.encode())


def _look(subject: Subject, budget: Budget, findings: Findings) -> list[tuple[str, str]]:
    if not isinstance(subject, Drawn):
        there = subject.max_samples(budget)
        shared = ", ".join(f"{point.samples / there:.0%} of {point.samples:,}" for point in findings.points)
        return [
            (
                "repetitions",
                f"other splits of the same images: on average two of them share {shared} labelled images, which makes "
                "the spread between trainings too small by as much as these would have added to it",
            )
        ]
    fields = [f"{name} = {value}" for name, value in subject.style.to_json().items()]
    return [("look", ", ".join(fields))]
