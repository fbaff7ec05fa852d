"""The embedded server under load: requests of one image each, by more and more clients, with several settings.

python -m benchmarks.serving_load       (14 minutes; needs the extra "serve")

Server and clients share the machine's cores. A client sends its next request as soon as it has the answer to the last,
also when that was a refusal. The last row is over capacity: most of its clients find no room to wait. In
`serving_open_loop` clients do not wait for answers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.load_generator import closed_loop, request_of, run
from benchmarks.measure import environment, write_results
from benchmarks.measured_server import Server, add_model

CLIENTS = (1, 8, 64, 256)
SETTINGS = {
    "batches (default)": (),
    "batches, one thread": ("--threads", "1"),
    "one by one": ("--batch-rows", "1"),
}
OVER_CAPACITY = ("batches, 64 may wait", ("--waiting-rows", "64"), 256)


def measure(
    model: Path, requests: Sequence[bytes], setting: str, options: Sequence[str], clients: int, seconds: float
) -> dict[str, Any]:
    """Start a server, warm it up, load it.

    Returns:
        The figures of the load, "recovered": whether one client alone was answered, every time, right after the others
        had left; and the resident memory of the server in MiB after the warm-up and at the end.
    """
    with Server(model, *options) as server:
        run(closed_loop(server.port, requests, clients, min(3, seconds)))
        before = server.memory()
        load = run(closed_loop(server.port, requests, clients, seconds))
        after = server.memory()
        alone = run(closed_loop(server.port, requests, 1, min(1, seconds)))
    return {
        "setting": setting,
        "clients": clients,
        **load.figures(),
        "recovered": set(alone.statuses) == {200},
        "memory_before": round(before),
        "memory_after": round(after),
    }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows, in Markdown."""
    lines = [
        "| clients | the server computes | answers/s | p50, ms | p99, ms | refused (503) | errors | recovered "
        "| memory, MiB, before and after |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        load = f"{row['answers_per_second']:,.0f} | {row['p50']:,.1f} | {row['p99']:,.1f} | {row['refused']:,}"
        memory = f"{row['memory_before']:,.0f} – {row['memory_after']:,.0f}"
        recovered = "yes" if row["recovered"] else "no"
        lines.append(f"| {row['clients']} | {row['setting']} | {load} | {row['errors']} | {recovered} | {memory} |")
    return "\n".join(lines)


def drawn_images(model: Path, count: int = 64) -> list[bytes]:
    """Files of images like those that a model was trained on."""
    from captcha_keras.recognizer.formats import read_spec
    from captcha_keras.recognizer.locate import find_model
    from data_gen import Series

    source = Series(read_spec(find_model(model).path), "load").source()
    return [source.draw(index).content for index in range(count)]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model(parser)
    parser.add_argument("--seconds", type=float, default=60, metavar="S", help="of each measurement (%(default)s)")
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS, metavar="N", help="1 8 64 256")
    given = parser.parse_args()
    requests = [request_of(image) for image in drawn_images(given.model)]
    where = environment(["tensorflow", "uvicorn", "starlette"])
    runs = [(setting, options, clients) for clients in given.clients for setting, options in SETTINGS.items()]
    rows = []
    for setting, options, clients in [*runs, OVER_CAPACITY]:
        row = measure(given.model, requests, setting, options, clients, given.seconds)
        rows.append(row)
        rate = f"{row['answers_per_second']} answers/s, p50 {row['p50']} ms, p99 {row['p99']} ms"
        print(f"{clients} clients, {setting}: {rate}", file=sys.stderr, flush=True)
    print(f"{where['processor']}, {where['date']}, {given.seconds:g} s a row\n")
    print(table(rows))
    write_results("serving_load", {**where, "seconds": given.seconds, "rows": rows})


if __name__ == "__main__":
    main()
