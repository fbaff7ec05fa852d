"""The points without one label, for a terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from captcha_keras.audit.verdict import percent
from captcha_keras.audit.zero_labels import KNOWN, ZeroLabelPoint


def zero_label_lines(points: Sequence[ZeroLabelPoint]) -> list[str]:
    """Rows of the table of labelled images in `page.table`, with the reader in place of the time.

    Example:
        >>> points = [ZeroLabelPoint("any", True, 900, 1000), ZeroLabelPoint("x", False, 0, 0, "crashed")]
        >>> for line in zero_label_lines(points):
        ...     print(line)
                       0    90.0 %   88.0 % – 91.7 %   any, alphabet and length known
                       0    failed   x, nothing known: crashed
    """
    lines = []
    for point in points:
        name, read = f"{point.reader}, {KNOWN[point.limited]}", point.read
        if read is None:
            lines.append(f"{point.labels:16}{'failed':>10}   {name}: {point.failure}")
        else:
            interval = f"{percent(read.low)} – {percent(read.high)}"
            lines.append(f"{point.labels:16}{percent(read.fraction):>10}   {interval:18}{name}")
    return lines


def zero_label_rows(points: Sequence[ZeroLabelPoint]) -> str:
    """Rows of the page's table: reader, what it was told, read, interval, images.

    Example:
        >>> zero_label_rows([ZeroLabelPoint("<x>", False, 0, 0, "crashed")])
        '<tr><td>&lt;x&gt;</td><td>nothing known</td><td>failed: crashed</td><td></td><td></td></tr>'
    """
    rows = []
    for point in points:
        read = point.read
        figures = (
            (f"failed: {point.failure}", "", "")
            if read is None
            else (percent(read.fraction), f"{percent(read.low)} – {percent(read.high)}", f"{read.total:,}")
        )
        cells = (point.reader, KNOWN[point.limited], *figures)
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    return "\n".join(rows)
