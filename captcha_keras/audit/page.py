"""An audit as one HTML page that needs nothing else, and as a table for a terminal."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captcha_keras.audit.curve import Crossing, Estimate, Point
from captcha_keras.audit.findings import Findings
from captcha_keras.audit.people import MIN_CONTRAST, SOURCES, STATEMENT, PeoplesSide
from captcha_keras.audit.plots import character_bars, learning_curve, reliability_diagram, sweep_bars
from captcha_keras.audit.readings import Reading, bounds
from captcha_keras.audit.slices import WORDS, Character
from captcha_keras.audit.sweep import Changed
from captcha_keras.audit.verdict import about, percent
from captcha_keras.audit.zero_label_tables import zero_label_lines, zero_label_rows

SHOWN = 6


def table(findings: Findings) -> str:
    """Write the main figures as lines for a terminal.

    Example:
        >>> from captcha_keras.audit.budget import Budget
        >>> from captcha_keras.audit.findings import findings
        >>> from captcha_keras.audit.subject import Drawn
        >>> from captcha_keras.audit.trial import Check, Result
        >>> from captcha_keras.spec import CaptchaSpec
        >>> checks, texts = (Check(images=320, cpu_seconds=60.0, read=0.5),), ("0X", "XX")
        >>> sure, contrast = (0.9, 0.4), {"contrast": (9.0, 9.0)}
        >>> result = Result(250, 0, "", checks, 1.0, None, texts, ("0X", "X0"), sure, sure, contrast, fonts=None)
        >>> subject, budget = Drawn(CaptchaSpec("0X", 2, 2)), Budget((250,), repetitions=1, images=320)
        >>> for line in table(findings(subject, budget, [result])).splitlines()[:2]:
        ...     print(line)
         labelled images      read   interval           CPU minutes
                     250    50.0 %   0.00 % – 100.00 %          1.0   1 of 1 stopped at the cap
    """
    lines = [f"{'labelled images':>16}{'read':>10}   {'interval':18}{'CPU minutes':>12}"]
    lines += zero_label_lines(findings.zero_labels)
    for point in findings.points:
        minutes = f"{point.cpu_minutes:12.1f}   {_capped(point)}"
        lines.append(f"{point.samples:16,}{percent(point.read.value):>10}   {_interval(point.read):18}{minutes}")
    lines += ["", f"{'to read':>16}{'labelled images':>18}   interval"]
    for each in findings.crossings:
        fraction, samples = f"{100 * each.fraction:g} %", _samples(each, findings)
        lines.append(f"{fraction:>16}{samples:>18}   {_range(each, findings)}")
    sure = findings.sure
    lines += [
        "",
        f"within three attempts: {percent(findings.attempts[3])}",
        f"answers only where sure: {percent(sure.answered.fraction)} of the images"
        + (f", of which {percent(sure.precision.fraction)} right" if sure.precision else ""),
    ]
    if findings.sweep:
        lines += ["", f"one setting changed, {findings.sweep.samples:,} labelled images"]
        width = max(len(change.words) for change in findings.sweep.changes)
        lines.append(f"  {'as it is':{width}}{percent(findings.sweep.unchanged.value):>9}")
        lines += [
            f"  {change.words:{width}}{percent(change.read.value):>9}   {_interval(change.read):18}{_effect(change)}"
            for change in findings.sweep.changes
        ]
    lines += ["", findings.verdict.sentence, *(f"- {reason}" for reason in findings.verdict.reasons)]
    return "\n".join(line.rstrip() for line in lines)


def page(
    findings: Findings,
    title: str,
    settings: Sequence[tuple[str, str]],
    pictures: NDArray[np.uint8],
    changed: Mapping[str, NDArray[np.uint8]],
) -> str:
    """Write the page of an audit.

    Args:
        findings: What was found.
        title: Name of what was audited.
        settings: How it was measured: names and values.
        pictures: The images of its examples, uint8 RGB `(N, height, width, 3)`.
        changed: Images of each change of the sweep, by its name.

    Returns:
        HTML with the pictures inside of it.

    Example:
        >>> from captcha_keras.audit.budget import Budget
        >>> from captcha_keras.audit.findings import findings
        >>> from captcha_keras.audit.subject import Drawn
        >>> from captcha_keras.audit.trial import Check, Result
        >>> from captcha_keras.spec import CaptchaSpec
        >>> checks, texts = (Check(images=320, cpu_seconds=60.0, read=0.5),), ("0X", "XX")
        >>> sure, contrast = (0.9, 0.4), {"contrast": (9.0, 9.0)}
        >>> result = Result(250, 0, "", checks, 1.0, None, texts, ("0X", "X0"), sure, sure, contrast, fonts=None)
        >>> subject, budget = Drawn(CaptchaSpec("0X", 2, 2)), Budget((250,), repetitions=1, images=320)
        >>> pictures = np.zeros((2, 80, 170, 3), np.uint8)
        >>> html = page(findings(subject, budget, [result]), "The login form", [("machine", "two cores")], pictures, {})
        >>> "The login form" in html
        True
    """
    calibration, people = findings.calibration, findings.people
    details = f"{findings.details_at:,} labelled images"
    template = Template(files("captcha_keras.audit").joinpath("page.html").read_text("utf-8"))
    sure = findings.sure
    return template.substitute(
        title=escape(title),
        level=findings.verdict.level,
        sentence=escape(findings.verdict.sentence),
        reasons=_list(findings.verdict.reasons),
        readers=_rows(map(_reading, findings.readings)),
        readings=str(len(findings.readings)),
        examples=_examples(pictures, findings.examples),
        zero_labels=zero_label_rows(findings.zero_labels),
        curve=_picture(learning_curve(findings.points), "Learning curve", "svg+xml"),
        points=_rows(
            (
                f"{point.samples:,}",
                percent(point.read.value),
                _interval(point.read),
                f"{point.cpu_minutes:.1f}",
                _capped(point),
            )
            for point in findings.points
        ),
        crossings=_rows(
            (f"{100 * each.fraction:g} %", _samples(each, findings), _range(each, findings))
            for each in findings.crossings
        ),
        reliability=_picture(reliability_diagram(calibration), "Reliability diagram", "svg+xml"),
        error_before=percent(calibration.error_before),
        error_after=percent(calibration.error_after),
        temperatures=", ".join(f"{each:.2f}" for each in calibration.temperatures),
        attempts=_rows((str(count), percent(fraction)) for count, fraction in findings.attempts.items()),
        sure=(
            f"{percent(sure.answered.fraction)} of the images are answered, "
            + (
                f"{percent(sure.precision.fraction)} of these right"
                if sure.precision
                else "so there is nothing to be right"
            )
        ),
        details=details,
        bars=_picture(character_bars(findings.characters), "Misread characters", "svg+xml"),
        confusions=escape(
            ", ".join(f"{c.truth or '∅'} as {c.prediction or '∅'} ({c.count:,})" for c in findings.confusions) or "none"
        ),
        easiest=_characters(findings.characters[::-1], "easier"),
        hardest=_characters(findings.characters, "harder"),
        slices=_rows(
            (
                WORDS.get(each.name, "font (characters read right)"),
                each.words,
                percent(each.read.value),
                _interval(each.read),
            )
            for each in findings.slices
        ),
        look_alikes=_look_alikes(people),
        faint=percent(people.faint),
        min_contrast=f"{MIN_CONTRAST:g}",
        statement=escape(STATEMENT),
        sources="\n".join(
            f'<li><a href="{escape(each.url)}">{escape(each.title)}</a>. {escape(each.says)}</li>' for each in SOURCES
        ),
        sweep=_sweep(findings, changed),
        settings=_rows(settings),
    )


def _look_alikes(people: PeoplesSide) -> str:
    if not people.groups:
        return "<li>This alphabet has no characters that people mix up.</li>"
    within = "there were no errors" if people.fraction_of_errors is None else percent(people.fraction_of_errors)
    return (
        f"<li>Characters of this alphabet that people mix up too: {escape(', '.join(people.groups))}. "
        f"{percent(people.images_with)} of the images hold one.</li>\n"
        f"<li>Fraction of the network's misread characters that stay within such a group: {within}. If each group "
        f"counted as one character, {percent(people.merged)} of the images would be read.</li>"
    )


def _sweep(findings: Findings, changed: Mapping[str, NDArray[np.uint8]]) -> str:
    sweep = findings.sweep
    if sweep is None:
        return (
            "<p>No changes were tried: that takes settings to draw from and more than the smallest budget, and "
            "--no-changes leaves them out.</p>"
        )
    rows = "\n".join(
        f"<tr><td>{escape(change.words)}</td><td>{percent(change.read.value)}</td><td>{_interval(change.read)}</td>"
        f'<td class="{change.effect}">{_effect(change)}</td>'
        f'<td class="looks">{_images(changed[change.name])}</td></tr>'
        for change in sweep.changes
    )
    return (
        f"<p>One training each on {sweep.samples:,} labelled images. The settings as they are give "
        f"{percent(sweep.unchanged.value)}; what lies outside of {_interval(sweep.unchanged)} is called harder or "
        f"easier. This interval and the others hold for all {len(sweep.changes)} changes at once. Whether people can "
        "still read it is for people to judge: look at "
        f"the pictures.</p>{_picture(sweep_bars(sweep), 'Images read with each change', 'svg+xml')}"
        '<div class="wide"><table><thead><tr><th>one change</th><th>read</th><th>95 % interval</th><th></th>'
        f"<th>looks like</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _effect(change: Changed) -> str:
    return "" if change.effect == "none" else change.effect


def _examples(pictures: NDArray[np.uint8], predictions: Sequence[tuple[str, str]]) -> str:
    return "\n".join(
        f'<figure>{_image(picture)}<figcaption class="{"read" if text == prediction else "misread"}">{escape(text)}: '
        f"{'read right' if text == prediction else 'read as ' + escape(prediction or '∅')}</figcaption></figure>"
        for picture, (text, prediction) in zip(pictures, predictions, strict=True)
    )


def _images(pictures: NDArray[np.uint8]) -> str:
    return " ".join(_image(picture) for picture in pictures)


def _image(picture: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png")
    return _picture(buffer.getvalue(), "A CAPTCHA", "png")


def _picture(content: bytes, words: str, kind: str) -> str:
    data = base64.b64encode(content).decode("ascii")
    return f'<img alt="{escape(words)}" src="data:image/{kind};base64,{data}">'


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)


def _interval(estimate: Estimate) -> str:
    return f"{percent(estimate.low)} – {percent(estimate.high)}"


def _reading(reading: Reading) -> tuple[str, ...]:
    # Two-sided: half of the error on either side.
    low, high = (float(bound[0]) for bound in bounds([reading], comparisons=2))
    counted = f"{reading.right:,} of {reading.total:,}"
    return (
        reading.reader,
        f"{reading.labels:,}",
        counted,
        percent(reading.fraction),
        f"{percent(low)} – {percent(high)}",
    )


def _capped(point: Point) -> str:
    return f"{point.capped} of {len(point.read.values)} stopped at the cap" if point.capped else ""


def _characters(characters: Sequence[Character], effect: str) -> str:
    """The first characters that are clearly harder, or easier, than the mean of all, each with its interval."""
    found = [
        f"{each.character} ({_interval(each.read)}{f', mostly as {each.mostly_as}' if each.mostly_as else ''})"
        for each in characters
        if each.effect == effect
    ]
    return escape(", ".join(found[:SHOWN]) or "none")


def _samples(each: Crossing, findings: Findings) -> str:
    if each.samples is None:
        return f"over {findings.points[-1].samples:,}"
    return f"{'at most ' if each.at_least else ''}{about(each.samples)}"


def _range(each: Crossing, findings: Findings) -> str:
    low = "few" if each.low == 0 else about(each.low)
    high = f"over {findings.points[-1].samples:,}" if each.high is None else about(each.high)
    if each.low == 0 and each.high == findings.points[0].samples:
        return f"up to {high}"
    return f"{low} – {high}"
