from __future__ import annotations

import contextlib
import errno
import io
import signal
import time
from collections.abc import Callable

import pytest

from captcha_keras.cli import progress
from captcha_keras.cli.console import run_command
from captcha_keras.cli.interruption import RETRY_SECONDS
from captcha_keras.cli.progress import ProgressBar
from captcha_keras.errors import CommandError, DatasetError, InputError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (InputError("Wrong."), 2, "Wrong."),
        (DatasetError("Bad:", ["a", "b"]), 2, "Bad:\n  a\n  b"),
        (CommandError("Died."), 1, "Died."),
        (OSError(errno.ENOSPC, "No space left on device", "x/y"), 1, "The disk is full: x/y. Go on."),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 1, "Permission denied: x."),
        (KeyboardInterrupt(), 130, "Interrupted. Go on."),
    ],
)
def test_a_failure_becomes_a_sentence_and_a_status(
    error: BaseException, status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(raising(error), on_interrupt="Go on.") == status
    printed = capsys.readouterr()
    assert printed.err.startswith(message)
    assert printed.out == ""


def test_success_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(lambda: None, on_interrupt="") == 0
    assert capsys.readouterr() == ("", "")


def test_an_unknown_failure_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(raising(ZeroDivisionError()), on_interrupt="")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_one_sentence_and_its_handler_is_put_back(
    number: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    assert run_command(lambda: signal.raise_signal(number), on_interrupt="Kept.") == status
    assert signal.getsignal(number) is before
    assert capsys.readouterr().err == "Interrupted. Kept.\n"


def test_an_interruption_that_other_code_drops_is_raised_again(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        time.sleep(30)

    begin = time.monotonic()
    assert run_command(work, on_interrupt="Kept.") == 130
    assert time.monotonic() - begin < 20
    assert capsys.readouterr().err == "Interrupted. Kept.\n"


def test_an_interruption_that_became_another_error_is_still_one(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt as error:
            raise SystemError("returned a result with an exception set") from error

    assert run_command(work, on_interrupt="Kept.") == 143
    assert capsys.readouterr().err == "Interrupted. Kept.\n"


def test_cleaning_up_after_an_interruption_is_not_interrupted() -> None:
    done = []

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            time.sleep(2.5 * RETRY_SECONDS)
            done.append(True)

    assert run_command(work, on_interrupt="Kept.") == 130
    assert done == [True]


def test_ctrl_c_stays_ignored_where_a_shell_ignores_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run_command(lambda: signal.raise_signal(signal.SIGINT), on_interrupt="Kept.") == 0
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_gets_one_line_that_renews_itself(clock: list[float]) -> None:
    stream = Terminal()
    bar = ProgressBar("Drawing", 1000, stream=stream)
    clock[0] += 2
    bar(200)
    bar(201)  # too soon
    clock[0] += 8
    bar(1000)
    assert stream.getvalue() == (
        "\r\x1b[KDrawing: 200/1,000 images (20 %), 100 images/s, 8 s left"
        "\r\x1b[KDrawing: 1,000/1,000 images (100 %), 100 images/s, took 10 s\n"
    )


def test_a_file_gets_plain_lines_seldom_and_resumed_work_does_not_count(clock: list[float]) -> None:
    stream = io.StringIO()
    bar = ProgressBar("Drawing", 10_000, stream=stream, started_at=4_000)
    clock[0] += 9
    bar(4_100)
    clock[0] += 1
    bar(4_200)
    clock[0] += 3600
    bar(10_000)
    assert stream.getvalue().splitlines() == [
        "Drawing: 4,200/10,000 images (42 %), 20 images/s, 4 min 50 s left",
        "Drawing: 10,000/10,000 images (100 %), 2 images/s, took 1 h 0 min",
    ]
