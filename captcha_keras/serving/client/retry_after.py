"""Parses `Retry-After`, the time for which a busy server asks its clients to wait."""

from __future__ import annotations

import re
import time
from email.utils import mktime_tz, parsedate_tz


def parse_retry_after(value: str, date: str = "") -> float:
    """The seconds to wait, at least 0; 0 if the value is neither seconds nor a date.

    Args:
        value: Seconds such as "120", or a date such as "Sun, 06 Nov 1994 08:49:37 GMT".
        date: The header `Date` of the same answer: the server's clock may differ from this machine's. Without one
            that is valid, this machine's clock counts.

    Example:
        >>> parse_retry_after("120"), parse_retry_after("soon")
        (120.0, 0.0)
        >>> parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", date="Sun, 06 Nov 1994 08:49:07 GMT")
        30.0
    """
    value = value.strip(" \t")
    if re.fullmatch("[0-9]+", value):
        return float(value)
    until, now = _seconds(value), _seconds(date)
    return 0.0 if until is None else max(0.0, until - (time.time() if now is None else now))


def _seconds(date: str) -> float | None:
    """A date of HTTP, in any of its three forms, as seconds since 1970; None for another text."""
    try:
        parsed = parsedate_tz(date)
        return None if parsed is None else float(mktime_tz((*parsed[:9], parsed[9] or 0)))
    except (ValueError, OverflowError, IndexError, TypeError):  # no such day, hour or year
        return None
