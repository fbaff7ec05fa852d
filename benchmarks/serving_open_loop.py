"""The embedded server under requests that come when they will: what each waits at 25 to 125 % of the capacity.

python -m benchmarks.serving_open_loop       (4 minutes; needs the extra "serve")

Closed loops of 1, 8 and 64 clients come first: each client waits for its answer before it asks again. The most
answers/s are the capacity. Then requests of one image each are sent at a given rate, whatever became of those before:
at equal distances, or at those of a Poisson process. A request's time counts from the moment at which it was due, so
that waiting for a slow server counts too. Server and clients share the machine's cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.load_generator import arrivals, closed_loop, open_loop, request_of, run
from benchmarks.measure import environment, write_results
from benchmarks.measured_server import Server, add_model
from benchmarks.serving_load import drawn_images

CLIENTS = (1, 8, 64)
KINDS = ("constant", "poisson")
PARTS = (0.25, 0.5, 0.75, 1.0, 1.25)
# What closed loops shall reach, by number of clients: answers/s at least, or the median in milliseconds at most.
GOALS: Mapping[int, tuple[str, float]] = {
    1: ("p50", 2.5),
    8: ("answers_per_second", 656),
    64: ("answers_per_second", 1000),
}


def closed_rows(port: int, requests: Sequence[bytes], clients: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """One row for each number of clients."""
    rows = []
    for count in clients:
        run(closed_loop(port, requests, count, min(2, seconds)))
        rows.append({"clients": count, **run(closed_loop(port, requests, count, seconds)).figures()})
        _tell(f"{count} clients", rows[-1])
    return rows


def open_rows(
    port: int, requests: Sequence[bytes], capacity: float, parts: Sequence[float], seconds: float
) -> list[dict[str, Any]]:
    """One row for each kind of arrivals and each part of the capacity.

    Args:
        port: Of the server.
        requests: Are sent in turns.
        capacity: Answers/s.
        parts: Of the capacity, at which requests are due.
        seconds: In which the requests of a row are due.
    """
    rows = []
    for number, part in enumerate(parts):
        for kind in KINDS:
            due = arrivals(kind, part * capacity, seconds, seed=number)
            load = run(open_loop(port, requests, due))
            rows.append(
                {"arrivals": kind, "part": part, "due_per_second": round(len(due) / seconds, 1), **load.figures()}
            )
            _tell(f"{kind}, {part:.0%}", rows[-1])
            time.sleep(min(1, seconds))
    return rows


def met(row: Mapping[str, Any]) -> str:
    """Whether a closed loop reaches its goal, in words; "" if it has none."""
    if row["clients"] not in GOALS:
        return ""
    name, goal = GOALS[row["clients"]]
    value = row[name]
    reached = value is not None and (value <= goal if name == "p50" else value >= goal)
    words = f"at most {goal:g} ms" if name == "p50" else f"at least {goal:,g}/s"
    return f"{words}: {'yes' if reached else 'no'}"


def tables(closed: Sequence[Mapping[str, Any]], opened: Sequence[Mapping[str, Any]]) -> str:
    """Both tables, in Markdown."""
    lines = [
        "| clients, closed loop | answers/s | p50, ms | p99, ms | p99.9, ms | refused (503) | errors | goal |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in closed:
        cells = (f"{row['answers_per_second']:,.0f}", *map(_ms, (row["p50"], row["p99"], row["p99.9"])))
        lines.append(_line(row["clients"], *cells, row["refused"], row["errors"], met(row)))
    lines += [
        "",
        "| of capacity | arrivals | due/s | answers/s | p50, ms | p99, ms | p99.9, ms | answers | refused (503) "
        "| errors | sent late, p99, ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(opened, key=lambda row: KINDS.index(row["arrivals"])):
        rates = (f"{row['due_per_second']:,.0f}", f"{row['answers_per_second']:,.0f}")
        times = map(_ms, (row["p50"], row["p99"], row["p99.9"]))
        counts = (f"{row['answers']:,}", f"{row['refused']:,}", row["errors"], _ms(row["late_p99"]))
        lines.append(_line(f"{row['part']:.0%}", row["arrivals"], *rates, *times, *counts))
    return "\n".join(lines)


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _tell(title: str, row: Mapping[str, Any]) -> None:
    figures = f"{row['answers_per_second']} answers/s, p50 {_ms(row['p50'])} ms, p99 {_ms(row['p99'])} ms"
    print(f"{title}: {figures}, {row['refused']} refused, {row['errors']} errors", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model(parser)
    parser.add_argument("--seconds", type=float, default=12, metavar="S", help="of each row (%(default)s)")
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS, metavar="N", help="1 8 64")
    parser.add_argument("--parts", type=float, nargs="+", default=PARTS, metavar="P", help="0.25 0.5 0.75 1 1.25")
    parser.add_argument("--capacity", type=float, metavar="N", help="answers/s (those of the most clients)")
    given = parser.parse_args()
    requests = [request_of(image) for image in drawn_images(given.model)]
    where = environment(["tensorflow", "uvicorn", "starlette"])
    with Server(given.model) as server:
        closed = closed_rows(server.port, requests, given.clients, given.seconds)
        capacity = given.capacity or max(row["answers_per_second"] for row in closed)
        opened = open_rows(server.port, requests, capacity, given.parts, given.seconds)
    print(f"{where['processor']}, {where['date']}, {given.seconds:g} s a row, capacity {capacity:,.0f} answers/s\n")
    print(tables(closed, opened))
    record = {"seconds": given.seconds, "capacity": capacity, "closed": closed, "open": opened}
    write_results("serving_open_loop", {**where, **record})


if __name__ == "__main__":
    main()
