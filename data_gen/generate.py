"""Writing of a data set into a folder, resumed after any interruption."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from captcha_keras.dataset.drawn import DESCRIPTION, LABELS, PLAN
from captcha_keras.errors import InputError
from captcha_keras.files import is_temporary, write_atomically, write_json
from data_gen.engines import Engine, Job, processes
from data_gen.plan import Plan, Shard
from data_gen.settings import Settings, first_difference

# Called with the number of images already there and the total; returns a function to call with the number done.
Progress = Callable[[int, int], Callable[[int], None]]

HASH_BLOCK = 1 << 20


class GenerationError(InputError):
    """A folder that cannot take this data set.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +ELLIPSIS
        ...     Path(folder, "thesis.txt").touch()
        ...     generate_dataset(Settings(), Path(folder))
        Traceback (most recent call last):
        data_gen.generate.GenerationError: /... is not empty and holds no data set of this program.
    """


def generate_dataset(
    settings: Settings,
    output: Path,
    *,
    engine: Engine | None = None,
    renderer: str = "auto",
    shard: Shard | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> bool:
    """Draw a data set into a folder, or finish one that was interrupted.

    The bytes depend on `settings` (and `shard`) alone: not on the engine, the number of workers, the order of work
    or a restart. A folder is finished once its `dataset.json` exists; until then the same call resumes.

    Args:
        settings: What to draw.
        output: The folder; made if it does not exist.
        engine: Where it is drawn; by default processes on all cores of this machine.
        renderer: "auto", "fast" or "library"; see `make_renderer`.
        shard: Draw this part alone; `join_shards` makes one data set of all parts.
        overwrite: Replace a finished data set with other settings. The new one is drawn beside it, in
            `<output>.new`, and takes its place when it is finished.
        progress: Told how many images are done.

    Returns:
        False if the folder held this data set already and nothing was drawn.

    Raises:
        GenerationError: The folder holds something else.
        CommandError: A worker process died.
        OSError: The disk is full or not writable.

    Example:
        >>> import tempfile
        >>> from captcha_keras import CaptchaSpec
        >>> from data_gen import Series, Settings, generate_dataset, processes
        >>> settings = Settings(Series(CaptchaSpec("0123456789", 4, 6)), count=20)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     generate_dataset(settings, Path(folder), engine=processes(1))
        ...     sorted(path.name for path in Path(folder).iterdir())
        ...     Path(folder, "labels.txt").read_text().split()[:3]
        True
        ['dataset.json', 'images', 'labels.txt']
        ['037669', '3317', '525858']
    """
    engine = engine or processes()
    plan = Plan(settings, shard or Shard())

    def fill(folder: Path) -> None:
        images = folder / plan.storage.folder
        done = count_present_images(plan, images)
        report = progress(done, plan.image_count) if progress else None
        for drawn in engine(Job(settings, images, renderer), missing_pieces(plan, images)):
            done += drawn
            if report:
                report(done)

    source = settings.series.source()
    texts = (source.text(plan.first_image + index) for index in range(plan.image_count))
    return write_dataset(plan, plan.description(), texts, output, fill, overwrite=overwrite)


def write_dataset(
    plan: Plan,
    description: dict[str, Any],
    texts: Iterable[str],
    output: Path,
    fill: Callable[[Path], None],
    *,
    overwrite: bool = False,
) -> bool:
    """Write a data set: find its folder, let `fill` put the missing pieces into it, and finish it.

    Args:
        plan: The data set.
        description: What its `dataset.json` says, without the checksums.
        texts: The texts of its images in order.
        output: The folder.
        fill: Called with the folder to fill, which is `output` or, to replace it, one beside it.
        overwrite: Replace a data set with other settings.

    Returns:
        False if the folder held this data set already.

    Raises:
        GenerationError: The folder holds something else.

    Example:
        >>> import tempfile
        >>> plan = Plan(Settings(count=1), Shard())
        >>> def fill(folder: Path) -> None:
        ...     (folder / "images" / "00000.jpg").write_bytes(b"image")
        >>> with tempfile.TemporaryDirectory() as output:
        ...     write_dataset(plan, plan.description(), ["AB12"], Path(output), fill)
        ...     Path(output, "labels.txt").read_text().split()
        True
        ['AB12']
    """
    output = output.absolute()
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
    files = folder / plan.storage.folder
    files.mkdir(parents=True, exist_ok=True)
    if not (folder / DESCRIPTION).is_file():
        write_json(folder / PLAN, description)
    _remove_temporary(files)
    fill(folder)
    _remove_temporary(files)  # Ray goes on without a worker that was killed
    _finish(plan, folder, description, texts)
    if folder is not output:
        _replace(output, replacement)
    return True


def count_present_images(plan: Plan, files: Path) -> int:
    """How many images of the plan are in the folder already.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "00001.jpg").touch()
        ...     count_present_images(Plan(Settings(count=3), Shard()), Path(folder))
        1
    """
    with os.scandir(files) as entries:
        file_count = sum(1 for _ in entries)
    if file_count == len(plan.pieces):
        return plan.image_count
    if plan.storage.piece_count == plan.settings.count:
        return file_count
    return sum(
        len(plan.storage.images(piece)) for piece in plan.pieces if (files / plan.storage.file_name(piece)).exists()
    )


def missing_pieces(plan: Plan, files: Path) -> Iterator[int]:
    """The pieces that are not there, asked one by one: no list of millions of files is held.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "00001.jpg").touch()
        ...     list(missing_pieces(Plan(Settings(count=3), Shard()), Path(folder)))
        [0, 2]
    """
    prefix = f"{files}{os.sep}"
    # os.path: a Path for each of millions of files takes longer than the question.
    return (piece for piece in plan.pieces if not os.path.exists(prefix + plan.storage.file_name(piece)))  # noqa: PTH110


def sha256_of_pieces(plan: Plan, files: Path) -> str:
    """SHA-256 over the files of the plan in order, in hexadecimal.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     size = Path(folder, "00000.jpg").write_bytes(b"image")
        ...     sha256_of_pieces(Plan(Settings(count=1), Shard()), Path(folder))[:8]
        '6105d6cc'
    """
    digest = hashlib.sha256()
    for piece in plan.pieces:
        with (files / plan.storage.file_name(piece)).open("rb") as file:
            while block := file.read(HASH_BLOCK):
                digest.update(block)
    return digest.hexdigest()


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


def _remove_temporary(files: Path) -> None:
    """Remove what processes that were killed left half written."""
    with os.scandir(files) as entries:
        for entry in entries:
            if is_temporary(entry.name):
                Path(entry.path).unlink(missing_ok=True)


def _finish(plan: Plan, folder: Path, description: dict[str, Any], texts: Iterable[str]) -> None:
    """Write the labels and, last, `dataset.json`: the data set is finished once that exists."""
    labels = hashlib.sha256()

    def write(path: Path) -> None:
        with path.open("wb") as file:
            for text in texts:
                line = f"{text}\n".encode()
                labels.update(line)
                file.write(line)

    write_atomically(folder / LABELS, write)
    checksums = {"labels": labels.hexdigest(), "images": sha256_of_pieces(plan, folder / plan.storage.folder)}
    write_json(folder / DESCRIPTION, {**description, "sha256": checksums})
    (folder / PLAN).unlink(missing_ok=True)


def _replace(output: Path, replacement: Path) -> None:
    discarded = output.with_name(output.name + ".old")
    shutil.rmtree(discarded, ignore_errors=True)
    output.rename(discarded)
    replacement.rename(output)
    shutil.rmtree(discarded)
