"""Write a data set: a pool of processes, atomic files, resume after any interruption."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path
from typing import Any

from captcha_keras.dataset.layouts import DESCRIPTION, IMAGES, LABELS, PLAN, image_name
from captcha_keras.errors import CommandError, InputError
from captcha_keras.files import is_temporary, write_bytes, write_json
from data_gen.plan import Settings, first_difference
from data_gen.render import ImageSource

CHUNK = 64


class GenerationError(InputError):
    """A folder that cannot take this data set."""


def generate(
    settings: Settings,
    output: Path,
    *,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], Callable[[int], None]] | None = None,
) -> bool:
    """Draw a data set into a folder, or finish one that was interrupted.

    The bytes depend on `settings` alone: not on the number of workers, the order of work or a restart. A
    folder is finished when its `dataset.json` stands; everything before that resumes.

    Args:
        settings: What to draw.
        output: The folder; made if it does not exist.
        workers: Number of processes; all cores by default.
        overwrite: Replace a finished data set with other settings. The new one is drawn beside it, in
            `<output>.new`, and takes its place when it is finished.
        progress: Makes, from the number of images already there and the total, what is called with the
            number of images done.

    Returns:
        False if the folder held this data set already and nothing was drawn.

    Raises:
        GenerationError: The folder holds something else.
        CommandError: A worker process died.
        OSError: The disk is full or not writable.
    """
    if workers is not None and workers < 1:
        raise InputError(f"The number of workers must be at least 1, got {workers}.")
    output = output.absolute()
    description = settings.description()
    replacement = output.with_name(output.name + ".new")
    if not output.exists() and (replacement / DESCRIPTION).is_file():
        # Killed between the two renames of `_replace`.
        replacement.rename(output)
    recorded = _recorded(output)
    folder = output
    if recorded is not None:
        difference = first_difference(recorded, description)
        if difference is None and (output / DESCRIPTION).is_file():
            return False
        if difference is not None and not overwrite:
            raise GenerationError(
                f"{output} holds a data set with other settings: {difference}. Choose another --output, or "
                "--overwrite it."
            )
        if difference is not None:
            folder = replacement
            if first_difference(_recorded(folder) or {}, description) is not None:
                shutil.rmtree(folder, ignore_errors=True)
    _draw(settings, folder, description, workers or os.cpu_count() or 1, progress)
    if folder is not output:
        _replace(output, replacement)
    return True


def _recorded(folder: Path) -> dict[str, Any] | None:
    """The settings of a finished or unfinished data set; None for a free folder."""
    for name in (DESCRIPTION, PLAN):
        path = folder / name
        if path.is_file():
            try:
                value = json.loads(path.read_text("utf-8"))
            except ValueError as error:
                raise GenerationError(f"{path} is no readable JSON file.") from error
            if not isinstance(value, dict):
                raise GenerationError(f"{path} must hold a JSON object.")
            return value
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise GenerationError(f"{folder} is not empty and holds no data set of this program.")
    return None


def _draw(
    settings: Settings,
    folder: Path,
    description: dict[str, Any],
    workers: int,
    progress: Callable[[int, int], Callable[[int], None]] | None,
) -> None:
    images = folder / IMAGES
    images.mkdir(parents=True, exist_ok=True)
    if not (folder / DESCRIPTION).is_file():
        write_json(folder / PLAN, description)
    for path in images.iterdir():
        if is_temporary(path.name):  # of a process that was killed
            path.unlink(missing_ok=True)
    present = {entry.name for entry in os.scandir(images)}
    missing = (
        index
        for index in range(settings.count)
        if image_name(index, settings.count, settings.image_format) not in present
    )
    done = len(present)
    report = progress(done, settings.count) if progress else None
    for drawn in _run(settings, images, missing, workers):
        done += drawn
        if report:
            report(done)
    _finish(settings, folder, description)


def _run(settings: Settings, images: Path, missing: Iterator[int], workers: int) -> Iterator[int]:
    """Draw the missing images; yields how many were finished each time."""
    chunks = iter(lambda: list(islice(missing, CHUNK)), [])
    first = next(chunks, None)
    if first is None:
        return
    # spawn: the same start on every system, and no copy of the parent's threads and locks.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(settings, images))
    try:
        # A bounded window: memory stays flat for any number of images.
        pending: set[Future[int]] = {pool.submit(_work, first)}
        pending |= {pool.submit(_work, chunk) for chunk in islice(chunks, 3 * workers)}
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
            pending |= {pool.submit(_work, chunk) for chunk in islice(chunks, len(finished))}
    except BrokenProcessPool as error:
        raise CommandError(
            "A worker process died (killed, or out of memory). What is drawn is kept: run the same command "
            "again, perhaps with fewer --workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


class _Worker:
    """What a worker process keeps between its tasks."""

    source: ImageSource
    settings: Settings
    images: Path


def _start_worker(settings: Settings, images: Path) -> None:
    # Ctrl-C reaches the whole process group: the parent alone decides, its workers finish their chunk.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _Worker.source = ImageSource(settings.spec, settings.seed, settings.image_format, settings.fonts)
    _Worker.settings, _Worker.images = settings, images


def _die_with_parent() -> None:
    """A pool's workers would wait for ever if their parent were killed with -9."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(indices: list[int]) -> int:
    settings = _Worker.settings
    for index in indices:
        name = image_name(index, settings.count, settings.image_format)
        write_bytes(_Worker.images / name, _Worker.source.draw(index).content)
    return len(indices)


def _finish(settings: Settings, folder: Path, description: dict[str, Any]) -> None:
    """Write the labels and, last, `dataset.json`: the data set is finished when that stands."""
    source = ImageSource(settings.spec, settings.seed, settings.image_format, settings.fonts)
    labels = "".join(f"{source.text(index)}\n" for index in range(settings.count)).encode()
    digest = hashlib.sha256()
    for index in range(settings.count):
        name = image_name(index, settings.count, settings.image_format)
        digest.update((folder / IMAGES / name).read_bytes())
    write_bytes(folder / LABELS, labels)
    checksums = {"labels": hashlib.sha256(labels).hexdigest(), "images": digest.hexdigest()}
    write_json(folder / DESCRIPTION, {**description, "sha256": checksums})
    (folder / PLAN).unlink(missing_ok=True)


def _replace(output: Path, replacement: Path) -> None:
    discarded = output.with_name(output.name + ".old")
    shutil.rmtree(discarded, ignore_errors=True)
    output.rename(discarded)
    replacement.rename(output)
    shutil.rmtree(discarded)
