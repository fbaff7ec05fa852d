"""A data set drawn by a Ray cluster of several worker processes on this machine, one of them killed in the middle.

python -m benchmarks.ray_generation

The bytes are compared with those of one process, undisturbed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import environment, write_results
from data_gen import Settings, generate_dataset, processes, ray_tasks


def main() -> None:
    """Draw the same images in four ways and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=12_800, metavar="N", help="%(default)s images")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="%(default)s worker processes of Ray")
    given = parser.parse_args()
    settings = Settings(count=given.count)
    killed: list[int] = []

    def kill_in_the_middle(done: int, total: int) -> Callable[[int], None]:
        def report(drawn: int) -> None:
            if not killed and drawn >= total // 2 and (number := kill_a_worker()):
                killed.append(number)
                print(f"killed process {number} after {drawn:,} of {total:,} images", flush=True)

        return report

    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as parent:
        for name, engine, progress in (
            ("one process", processes(1), None),
            ("pool, all cores", processes(), None),
            (f"Ray, {given.workers} workers", ray_tasks(workers=given.workers), None),
            (f"Ray, {given.workers} workers, one killed", ray_tasks(workers=given.workers), kill_in_the_middle),
        ):
            folder = Path(parent) / name
            begin = time.perf_counter()
            generate_dataset(settings, folder, engine=engine, progress=progress)
            seconds = time.perf_counter() - begin
            checksum = json.loads((folder / "dataset.json").read_text("utf-8"))["sha256"]["images"]
            rows[name] = {"seconds": seconds, "images_per_second": given.count / seconds, "sha256": checksum}
            print(f"{name:30}{seconds:8.1f} s{given.count / seconds:8,.0f} images/s   {checksum[:16]}", flush=True)
    same = len({row["sha256"] for row in rows.values()}) == 1
    print(f"the bytes are {'the same' if same else 'NOT the same'}; {len(killed)} worker killed")
    where = environment(["captcha", "pillow", "ray"])
    write_results("ray_generation", {**where, "same_bytes": same, "rows": rows})


def kill_a_worker() -> int | None:
    """Kill -9 a process that draws for Ray; returns its number, None if none is drawing at this moment."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if words.startswith(b"ray::draw_pieces"):
            os.kill(int(process.name), signal.SIGKILL)
            return int(process.name)
    return None


if __name__ == "__main__":
    main()
