"""Images drawn, encoded and written a second: a plain loop over ImageCaptcha.write against data_gen.

python -m benchmarks.generation_speed

Nothing is deleted before the last turn has ended: ext4 steps over inodes that were freed within the last seconds, so
that after an `rm` of thousands of files opening a new one takes 600 microseconds in place of 20.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Subject, interleaved, options, report
from captcha_keras.spec import CaptchaSpec


def library_loop(parent: str, count: int) -> Callable[[], int]:
    """One process, the library's own way: random text, JPEG with Pillow's defaults."""
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


def library_loops(parent: str, count: int, processes: int) -> Callable[[], int]:
    """The library's own way in several processes at once: what the cores of this machine give together."""

    def work() -> int:
        # A pool for each turn, as data_gen has it; one that outlives its turn keeps its process from ending.
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            return sum(pool.starmap(_loop, [(parent, count // processes)] * processes, chunksize=1))

    return work


def _loop(parent: str, count: int) -> int:
    return library_loop(parent, count)()


def generator(parent: str, count: int, workers: int) -> Callable[[], int]:
    """`data_gen.generate`, from the start of its pool to the finished folder."""
    import data_gen

    def work() -> int:
        folder = Path(tempfile.mkdtemp(dir=parent))
        data_gen.generate(data_gen.Settings(count=count), folder / "data", engine=data_gen.processes(workers))
        return count

    return work


def main() -> None:
    """Measure and report."""
    given = options(__doc__, count=12_800, repeats=3)
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as parent:
        subjects: dict[str, Subject] = {
            "ImageCaptcha.write in a loop": (library_loop, (parent, given.count)),
            f"the same in {cores} processes": (library_loops, (parent, given.count, cores)),
        }
        names = {workers: f"data_gen, {workers} worker{'s' * (workers > 1)}" for workers in range(1, cores + 1)}
        subjects |= {name: (generator, (parent, given.count, workers)) for workers, name in names.items()}
        rates = interleaved(subjects, given.repeats)
    report("generation_speed", rates, names[1], ["captcha", "pillow"])


if __name__ == "__main__":
    main()
