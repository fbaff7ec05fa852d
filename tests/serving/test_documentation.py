"""The figures in docs/serving.md are those of the settings and constants."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from captcha_keras.cli.export import SAMPLES
from captcha_keras.cli.serve import PREFIX, parser
from captcha_keras.export.decode import MAX_ROW_PIXELS
from captcha_keras.export.limits import MAX_BYTES as MAX_ALPHABET_BYTES
from captcha_keras.export.saved_model import TOLERANCE
from captcha_keras.serving.client.calls import FIRST_PAUSE, MAX_PAUSE
from captcha_keras.serving.config import ServeConfig
from captcha_keras.serving.grpc.tensors import MAX_MESSAGE_BYTES, MAX_NUMBER_BYTES
from captcha_keras.serving.http.app import MAX_FIELD_BYTES
from captcha_keras.serving.http.connections import MAX_HEADER_BYTES
from captcha_keras.serving.http.recognize import TOP
from captcha_keras.serving.json.document import MAX_ROWS
from captcha_keras.serving.pixels import MAX_REQUEST_PIXELS
from tests.serving.twins import ALL, Kind

DOCS = Path(__file__).parents[2] / "docs" / "serving.md"
TEXT = " ".join(DOCS.read_text("utf-8").split())
UNITS = {"": 1, "s": 1, "MiB": 1 << 20}


@pytest.mark.parametrize(
    "words",
    [
        f"probabilities that differ by less than {TOLERANCE:.0e}.".replace("e-0", "e-"),
        f"has more than {MAX_ROW_PIXELS:,} pixels",
        f"An image of more than {MAX_ROW_PIXELS:,} pixels",
        f"at most {MAX_REQUEST_PIXELS:,} pixels together",
        f"A request has at most {MAX_ROWS} rows",
        f"numbers of more than {MAX_NUMBER_BYTES >> 20} MiB must be in `tensor_content`",
        f"a message that is no request to predict may have {MAX_MESSAGE_BYTES >> 10} KiB",
        f"headers (at most {MAX_HEADER_BYTES >> 10} KiB)",
        f"A field may have {MAX_FIELD_BYTES >> 10} KiB.",
        f"an alphabet of more than {MAX_ALPHABET_BYTES >> 10} KiB",
        f"the {['three', 'four', 'five'][TOP - 3]} likeliest characters of each position",
        f"Pauses grow from {FIRST_PAUSE:g} to {MAX_PAUSE:g} s",
        f"on {SAMPLES:,} new images",
    ],
)
def test_a_figure_is_the_constants(words: str) -> None:
    assert words in TEXT


def test_defaults_are_those_of_the_settings() -> None:
    config = ServeConfig(Path("m"))
    settings = {**vars(config), **vars(config.batching)}
    found = re.findall(r"`(--[a-z-]+)` \(([\d,.]+) ?(s|MiB|)\)", TEXT)
    assert {option for option, _, _ in found} >= {"--batch-rows", "--timeout", "--body-bytes", "--load-retries"}
    for option, number, unit in found:
        (field,) = parser().read([], [f"{option}=7"], {}, PREFIX)
        assert float(number.replace(",", "")) * UNITS[unit] == settings[field], option


@ALL
def test_a_client_waits_as_long_as_is_written(kind: Kind) -> None:
    timeout = inspect.signature(kind).parameters["timeout"].default
    assert f"`timeout` ({timeout:g} s) bounds a whole `read`" in TEXT
