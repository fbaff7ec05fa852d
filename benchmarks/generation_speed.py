"""Images drawn, encoded and written a second: the library's ImageCaptcha against our renderer and data_gen.

python -m benchmarks.generation_speed

Nothing is deleted before the last turn has ended: ext4 steps over inodes that were freed within the last seconds, so
that after an `rm` of thousands of files opening a new one takes 600 microseconds in place of 20.
"""

from __future__ import annotations

import io
import itertools
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from benchmarks.measure import Subject, interleaved, options, report
from captcha_keras.spec import CaptchaSpec

LIBRARY = "ImageCaptcha"
ENCODED = "ImageCaptcha, and JPEG quality 75 (Pillow's)"
WRITTEN = "ImageCaptcha.write, one process"


def library(count: int, encode: bool) -> Callable[[], int]:
    """The library on one core, random text from its own kind of randomness."""
    import secrets

    from captcha.image import ImageCaptcha

    spec = CaptchaSpec()
    captcha = ImageCaptcha(spec.width, spec.height)

    def work() -> int:
        for _ in range(count):
            text = "".join(secrets.choice(spec.alphabet) for _ in range(spec.max_length))
            image = captcha.generate_image(text)
            if encode:
                image.save(io.BytesIO(), "jpeg")
        return count

    return work


@lru_cache(1)
def renderer(count: int, image_format: str | None) -> Callable[[], int]:
    """Our renderer on one core, from seeded texts; None for images that are not encoded."""
    from data_gen import Series

    source = Series(CaptchaSpec(), 0, image_format or "jpeg").source("fast")
    numbers = itertools.count()

    def work() -> int:
        for _ in range(count):
            if image_format is None:
                source.image(next(numbers))
            else:
                source.draw(next(numbers))
        return count

    return work


def looks(count: int, fitted: bool) -> Callable[[], int]:
    """Random looks on one core, as they are or fitted into one size for a training."""
    import numpy as np

    from captcha_keras.dataset.images import fit_to
    from data_gen import LookSettings, Series
    from data_gen.looks.settings import ANY_SPEC

    source = Series(ANY_SPEC, style=LookSettings()).source()
    numbers = itertools.count()

    def work() -> int:
        for _ in range(count):
            _, image = source.image(next(numbers))
            if fitted:
                fit_to(np.asarray(image), ANY_SPEC)
        return count

    return work


def renderers(count: int, image_format: str | None, workers: int) -> Callable[[], int]:
    """Our renderer in several processes that are already there, `count` images each."""
    from data_gen.engines import process_pool

    pool = process_pool(workers)

    def work() -> int:
        return sum(pool.map(_render, [count] * workers, [image_format] * workers))

    work()
    return work


def _render(count: int, image_format: str | None) -> int:
    return renderer(count, image_format)()


def library_files(parent: str, count: int) -> Callable[[], int]:
    """One process, the library's own way: random text, JPEG with Pillow's defaults, a file for each."""
    import secrets

    from captcha.image import ImageCaptcha

    spec = CaptchaSpec()
    captcha = ImageCaptcha(spec.width, spec.height)

    def work() -> int:
        folder = tempfile.mkdtemp(dir=parent)
        for number in range(count):
            text = "".join(secrets.choice(spec.alphabet) for _ in range(spec.max_length))
            captcha.write(text, f"{folder}/{number:05d}.jpg", "jpeg")
        return count

    return work


def library_processes(parent: str, count: int, processes: int) -> Callable[[], int]:
    """The library's own way in several processes at once: what the cores of this machine give together."""

    def work() -> int:
        # A pool for each turn, as data_gen has it; one that outlives its turn keeps its process from ending.
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            return sum(pool.starmap(_files, [(parent, count // processes)] * processes, chunksize=1))

    return work


def _files(parent: str, count: int) -> int:
    return library_files(parent, count)()


def generator(parent: str, count: int, workers: int) -> Callable[[], int]:
    """`data_gen.generate_dataset`, from the start of its pool to the finished folder."""
    import data_gen

    def work() -> int:
        folder = Path(tempfile.mkdtemp(dir=parent))
        data_gen.generate_dataset(data_gen.Settings(count=count), folder / "data", engine=data_gen.processes(workers))
        return count

    return work


def main() -> None:
    """Measure and report."""
    given = options(__doc__, count=25_600, repeats=5)
    cores = os.cpu_count() or 1
    few = given.count // 8
    drawing: dict[str, Subject] = {
        LIBRARY: (library, (few, False)),
        "ours": (renderer, (few, None)),
        ENCODED: (library, (few, True)),
        "ours, and JPEG quality 95, 4:4:4": (renderer, (few, "jpeg")),
        "ours, and PNG level 1": (renderer, (few, "png")),
        "random looks (--style any)": (looks, (few, False)),
        "random looks, fitted into 200x64": (looks, (few, True)),
        f"ours, {cores} processes": (renderers, (few, None, cores)),
        f"ours, and JPEG quality 95, {cores} processes": (renderers, (few, "jpeg", cores)),
    }
    names = {workers: f"data_gen, {workers} worker{'s' * (workers > 1)}" for workers in range(1, cores + 1)}
    with tempfile.TemporaryDirectory() as parent:
        writing: dict[str, Subject] = {
            WRITTEN: (library_files, (parent, few)),
            f"ImageCaptcha.write, {cores} processes": (library_processes, (parent, few * cores, cores)),
        }
        writing |= {name: (generator, (parent, given.count, workers)) for workers, name in names.items()}
        rates = interleaved(drawing | writing, given.repeats)
    packages = ["captcha", "pillow"]
    report("drawing_speed", {name: rates[name] for name in drawing}, LIBRARY, packages)
    report("generation_speed", {name: rates[name] for name in writing}, names[1], packages)


if __name__ == "__main__":
    main()
