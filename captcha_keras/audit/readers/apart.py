"""Lets a reader read in a process of its own: it may crash, hang, print and fill the memory as it likes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from captcha_keras.audit.readers.reader import Lengths, load_reader
from captcha_keras.dataset.batching import batch_slices
from data_gen.engines import WorkerContext

BATCH_SIZE = 32
# How long a reader may take to load, with everything that it imports, and then to read.
LOADING_SECONDS, READING_SECONDS = 300.0, 60.0
LONGEST_FAILURE = 200
# Alphabet and length; None for what is not known.
Limits = tuple[str | None, Lengths | None]


@dataclass
class Answers:
    """What a reader answered within some limits.

    Attributes:
        texts: The texts of the first images, all of them if there was time.
        failure: What went wrong, in one line; None if nothing did.

    Example:
        >>> Answers(["AB"]).failure is None
        True
    """

    texts: list[str] = field(default_factory=list)
    failure: str | None = None


def read_apart(
    reader: EntryPoint,
    images: Sequence[NDArray[np.uint8]],
    limits: Sequence[Limits],
    *,
    loading_seconds: float = LOADING_SECONDS,
    reading_seconds: float = READING_SECONDS,
    read: Callable[[int], None] | None = None,
) -> list[Answers] | None:
    """Read images with a reader, each with all of the limits.

    Args:
        reader: Where the reader is.
        images: uint8 RGB `(height, width, 3)` each.
        limits: What the reader is told.
        loading_seconds: How long it may take to load.
        reading_seconds: How long it may then read. What it has read until then counts.
        read: Called with the images read so far.

    Returns:
        The answers within each of the limits; None if the reader is not installed.

    Example:
        >>> reader = EntryPoint("broken", "captcha_keras.audit.readers.reader:no_such_name", "captcha_keras.readers")
        >>> read_apart(reader, [np.zeros((80, 170, 3), np.uint8)], [(None, None)])[0].failure
        "AttributeError: module 'captcha_keras.audit.readers.reader' has no attribute 'no_such_name'"
    """
    answers = [Answers() for _ in limits]
    context = WorkerContext()
    ours, theirs = context.Pipe(duplex=False)
    given = (theirs, (reader.name, reader.value, reader.group), list(images), list(limits))
    process = context.Process(target=_read_all, args=given, daemon=True)
    process.start()
    theirs.close()
    deadline, late = time.monotonic() + loading_seconds, f"was not loaded within {loading_seconds:g} seconds"
    try:
        while ours.poll(max(0.0, deadline - time.monotonic())):
            try:
                number, found = ours.recv()
            except EOFError:
                process.join()
                late = _ending(process.exitcode)
                _fail(answers, late)
                break
            if found is _MISSING:
                return None
            if found is _LOADED:
                deadline, late = time.monotonic() + reading_seconds, f"read nothing within {reading_seconds:g} seconds"
            elif found is _DONE:
                break
            elif isinstance(found, str):
                _fail(answers if number is None else [answers[number]], found)
            else:
                answers[number].texts += found
                if read is not None:
                    read(len(answers[number].texts))
    finally:
        _end(process)
        ours.close()
    _fail([each for each in answers if not each.texts], late)
    return answers


# What the process sends besides texts and failures.
_LOADED, _MISSING, _DONE = True, False, None


def _read_all(
    theirs: Connection, place: tuple[str, str, str], images: list[NDArray[np.uint8]], limits: list[Limits]
) -> None:
    """What the process does: it sends pairs of a number of limits (None for all) and what there is to say of them."""
    # A group of its own, so that nothing of it is left when it is ended; its words are for nobody.
    os.setpgrp()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        reader = load_reader(EntryPoint(*place))
    except (Exception, SystemExit) as error:  # it is foreign code, and may raise anything
        theirs.send((None, _words(error)))
        return
    theirs.send((None, _MISSING if reader is None else _LOADED))
    if reader is None:
        return
    left = dict(enumerate(limits))
    for rows in batch_slices(len(images), BATCH_SIZE):
        # One list for all limits: a reader may keep what it computed.
        batch = images[rows]
        for number, (alphabet, length) in list(left.items()):
            try:
                texts = [str(text) for text in reader.read(batch, alphabet, length)]
                if len(texts) != len(batch):
                    raise ValueError(f"it gave {len(texts)} texts for {len(batch)} images")
            except (Exception, SystemExit) as error:
                theirs.send((number, _words(error)))
                del left[number]
            else:
                theirs.send((number, texts))
    theirs.send((None, _DONE))


def _fail(answers: Sequence[Answers], failure: str) -> None:
    for each in answers:
        each.failure = each.failure or failure


def _words(error: BaseException) -> str:
    """The error in one line; a reader's own words may be many."""
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line}"[:LONGEST_FAILURE] if line else type(error).__name__


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended with exit status {code}"


def _end(process: multiprocessing.process.BaseProcess) -> None:
    """End the process and the programs that it started."""
    # Before it has a group of its own there is none of its number.
    with suppress(ProcessLookupError, PermissionError):
        if process.pid is not None:
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
