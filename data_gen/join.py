"""Joining of shards, drawn anywhere and in any order, into the data set that one machine would have drawn."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from captcha_keras.dataset.drawn import DESCRIPTION, LABELS, read_description, read_lines
from captcha_keras.errors import InputError
from captcha_keras.files import write_atomically
from captcha_keras.spec import CaptchaSpec
from data_gen.generate import Progress, sha256_of_pieces, write_dataset
from data_gen.plan import Plan, Shard
from data_gen.series import Series
from data_gen.settings import Settings, file_sha256, first_difference


def join_shards(
    shards: Sequence[Path], output: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> bool:
    """Make one data set of its shards; the shards stay. A join that was killed goes on.

    The files are hard links where the file system allows it, copies elsewhere.

    Args:
        shards: The folders of all shards, in any order.
        output: The folder of the data set.
        overwrite: Replace a data set with other settings there.
        progress: Told how many images are in place.

    Returns:
        False if `output` held this data set already.

    Raises:
        InputError: A shard is missing, unfinished, damaged, or of another data set.

    Example:
        >>> import tempfile
        >>> from data_gen import Settings, Shard, generate_dataset, join_shards, processes
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     parts = [Path(folder, "part1"), Path(folder, "part2")]
        ...     for number, part in enumerate(parts, start=1):
        ...         drawn = generate_dataset(Settings(count=6), part, shard=Shard(number, 2), engine=processes(1))
        ...     join_shards(parts, Path(folder, "whole"))
        ...     len(list(Path(folder, "whole", "images").iterdir()))
        True
        6
    """
    # The recorded descriptions decide: this machine may lack the fonts and releases of those that drew.
    descriptions = {folder: read_description(folder / DESCRIPTION) for folder in shards}
    ordered = _ordered(descriptions)
    whole = {key: value for key, value in descriptions[ordered[0]].items() if key != "sha256"} | {"shard": None}
    series = Series(CaptchaSpec.from_json(whole["spec"]), whole["seed"], whole["image_format"])
    settings = Settings(series, whole["count"], whole["storage"])
    plan = Plan(settings, Shard())

    def fill(folder: Path) -> None:
        files = folder / plan.storage.folder
        report = progress(0, plan.image_count) if progress else None
        done = 0
        for number, source in enumerate(ordered, start=1):
            part = Plan(settings, Shard(number, len(ordered)))
            checksums = descriptions[source]["sha256"]
            if (
                sha256_of_pieces(part, source / part.storage.folder) != checksums["images"]
                or file_sha256(source / LABELS) != checksums["labels"]
            ):
                raise InputError(f"{source} does not hold what it was finished with: draw this shard again.")
            for piece in part.pieces:
                name = part.storage.file_name(piece)
                if not (files / name).exists():
                    write_atomically(files / name, partial(_link_or_copy, source / part.storage.folder / name))
            done += part.image_count
            if report:
                report(done)

    texts = (text for folder in ordered for text in read_lines(folder / LABELS))
    return write_dataset(plan, whole, texts, output, fill, overwrite=overwrite)


def _ordered(descriptions: dict[Path, dict[str, Any]]) -> list[Path]:
    """The folders in the order of their shards, each shard once."""
    first, expected = next(iter(descriptions.items()))
    found: dict[int, Path] = {}
    for folder, description in descriptions.items():
        shard = description.get("shard")
        if not isinstance(shard, dict) or "sha256" not in description:
            raise InputError(f"{folder} is no shard of a data set, expected one drawn with --shard.")
        ours = {**description, "shard": {"of": shard["of"]}}
        theirs = {**expected, "shard": {"of": expected["shard"]["of"]}}
        difference = first_difference(theirs, {key: value for key, value in ours.items() if key != "sha256"})
        if difference:
            raise InputError(f"{first} and {folder} are shards of different data sets: {difference}.")
        if shard["number"] in found:
            raise InputError(f"{found[shard['number']]} and {folder} are the same shard, {shard['number']}.")
        found[shard["number"]] = folder
    of = expected["shard"]["of"]
    missing = [str(number) for number in range(1, of + 1) if number not in found]
    if missing:
        raise InputError(f"{len(missing)} of {of} shards are missing: {', '.join(missing[:10])}.")
    return [found[number] for number in sorted(found)]


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without hard links. A full disk fails here as well.
        shutil.copyfile(source, target)
