"""What clients parse comes from elsewhere: any bytes give a result or one clear error."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.serving.client.errors import AnswerError, ServerError
from captcha_keras.serving.client.rest import parse_predictions, parse_refusal, parse_states
from captcha_keras.serving.client.retry_after import parse_retry_after

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["predictions", "text", "valid", "confidence", "state", "error"]), inner)
    ),
)
CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
DATES = st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(
    lambda date: date.replace(microsecond=0)
)


@given(st.text() | st.from_regex(r"[A-Za-z]{3},? [0-9]{1,9}[ -][A-Za-z]{3}[ -]-?[0-9:+ ]{1,30}"), st.text())
@example("Thu, 32 Jan 2026 25:61:61 GMT", "")
@example("Thu, 01 Jan 99999999999999999999 00:00:00 GMT", "")
@example("Thu, 01 Jan 2026 00:00:00 +9999999999999999999999", "")
@example("1e5", "")
@example("-5", "")
@example("٣", "")
def test_any_text_is_seconds_or_nothing(value: str, date: str) -> None:
    seconds = parse_retry_after(value, date)
    assert seconds >= 0
    assert isinstance(seconds, float)
    if not value.strip(" \t").isdecimal() and not any(letter.isalpha() for letter in value):
        assert seconds == 0 or ":" in value


@given(st.integers(0, 10**9), st.sampled_from(["", " ", "\t"]))
def test_seconds_are_read(seconds: int, space: str) -> None:
    assert parse_retry_after(f"{space}{seconds}{space}") == seconds
    assert parse_retry_after("9" * 5000) == math.inf


@given(DATES, DATES)
def test_a_date_counts_from_the_servers_clock(until: datetime, now: datetime) -> None:
    seconds = max(0.0, (until - now).total_seconds())
    assert parse_retry_after(format_datetime(until, usegmt=True), format_datetime(now, usegmt=True)) == seconds
    asctime = f"{until:%a %b} {until.day:2} {until:%H:%M:%S} {until.year:04}"
    assert parse_retry_after(asctime, format_datetime(now, usegmt=True)) == seconds
    if 1970 <= until.year < 2068:  # years of two digits
        old = f"{until:%A, %d-%b-%y %H:%M:%S} GMT"
        assert parse_retry_after(old, format_datetime(now, usegmt=True)) == seconds


@given(st.integers(5, 10**6))
def test_a_date_counts_from_this_clock_if_the_server_tells_none(seconds: int) -> None:
    until = format_datetime(datetime.fromtimestamp(datetime.now().timestamp() + seconds, UTC), usegmt=True)
    assert seconds - 4 <= parse_retry_after(until) <= seconds


@given(st.binary() | JSON.map(lambda document: json.dumps(document).encode()))
@example(b"[" * 100_000)
@example(b'{"predictions": [{"valid": true, "text": "a", "confidence": 1%s, "char_confidence": []}]}' % (b"0" * 400))
def test_any_answer_is_parsed_or_refused(content: bytes) -> None:
    with suppress(AnswerError):
        assert all(each is None or isinstance(each.text, str) for each in parse_predictions(content))
    with suppress(AnswerError):
        assert all(isinstance(state, str) for state in parse_states(content))
    error = parse_refusal(503, "Busy", {"retry-after": content.decode("latin-1")}, content)
    assert isinstance(error, ServerError)
    assert 0 < len(str(error)) <= 1000
    assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    "change", [{"text": 1}, {"confidence": "a"}, {"char_confidence": 1}, {"char_confidence": ["a"]}, {"text": None}]
)
def test_a_row_must_be_whole(change: dict[str, object]) -> None:
    row = {"text": "AB", "confidence": 0.5, "char_confidence": [0.5, 1], "valid": True}
    good = json.dumps({"predictions": [row, {"valid": False}]}).encode()
    assert parse_predictions(good) == [Prediction("AB", 0.5, (0.5, 1.0)), None]
    with pytest.raises(AnswerError):
        parse_predictions(json.dumps({"predictions": [row | change]}).encode())
