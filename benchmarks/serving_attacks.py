"""Hostile requests to the embedded server: what each costs it, what it answers, and whether it still serves others.

python -m benchmarks.serving_attacks                           (4 minutes; needs the extras "serve" and "grpc")
python -m benchmarks.serving_attacks --tree DIR --name before  (the same attacks on the sources in another folder)

Each attack meets a server that has answered honest requests in full batches. Memory is the peak of the resident memory
above what it was then; CPU seconds are those of all threads until the server is idle again. What was measured with the
same sources is kept, so the command goes on where it was stopped. It ends with the exit status 1 if an attack costs
more than 64 MiB or one CPU second, if an honest client beside it waits for more than a second or is refused, or if the
server fails or does not serve on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.attacks import ATTACKS, honest
from benchmarks.measure import RESULTS, environment
from benchmarks.measured_server import Server, add_model
from captcha_keras.files import write_json

MOST_MIB = 64
MOST_CPU_SECONDS = 1
MOST_SECONDS = 1  # of an honest client
# Memory that a server may keep of an attack and still meet the next one.
KEPT_MIB = 4


def measure(server: Server, attack: Callable[[Server], str], fresh: float) -> dict[str, Any]:
    """Attack a server and say what it cost.

    Args:
        server: Has been warmed up.
        attack: Attacks it and returns the answer.
        fresh: Resident memory after the warm-up, in MiB. The peak counts from there, or from now if that is lower.
    """
    try:
        server.settle()
        server.forget_peak()
        memory = min(fresh, server.memory())
        cpu, begin = server.cpu(), time.perf_counter()
        answer = attack(server)
        seconds = time.perf_counter() - begin
        server.settle()
        return {
            "answer": answer,
            "memory_mib": round(server.memory("VmHWM") - memory, 1),
            "cpu_seconds": round(server.cpu() - cpu, 2),
            "seconds": round(seconds, 2),
            "serves_on": server.post(honest(1)).startswith("200"),
        }
    except (OSError, RuntimeError) as error:
        return {"answer": f"the server ended ({error})", "memory_mib": None, "cpu_seconds": None, "serves_on": False}


def warmed(tree: Path, model: Path) -> tuple[Server, float]:
    """A server that has computed full batches in all its threads, and its resident memory.

    The first batch that a thread computes beside another one takes 40 MiB, which TensorFlow keeps.
    """
    server = Server(model, "--grpc-port", "0", tree=tree)
    for _ in range(4):
        server.post(honest(256))
    server.settle()
    return server, server.memory()


def measure_all(tree: Path, model: Path, titles: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each attack with what it cost.

    A server meets the next attack too, as long as it serves on and holds no more memory than at first.
    """
    server: Server | None = None
    fresh = 0.0
    try:
        for title in titles:
            if server is None:
                server, fresh = warmed(tree, model)
            row = measure(server, ATTACKS[title], fresh)
            if not row["serves_on"] or server.memory() > fresh + KEPT_MIB:
                server.stop()
                server = None
            yield title, row
    finally:
        if server is not None:
            server.stop()


def excesses(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a server must not do, one line for each row that shows it."""
    found = []
    for title, row in rows.items():
        memory, cpu = row["memory_mib"], row["cpu_seconds"]
        failed = row["answer"].startswith(("500", "UNKNOWN", "INTERNAL")) or _kept_waiting(row["answer"])
        if not row["serves_on"] or memory is None or memory > MOST_MIB or cpu > MOST_CPU_SECONDS or failed:
            found.append(f"{title}: {memory} MiB, {cpu} CPU seconds, serves on: {row['serves_on']}, {row['answer']}")
    return found


def _kept_waiting(answer: str) -> bool:
    """Whether the honest client of a `crowd` waited too long, or was refused."""
    honest = re.match(r"honest client (\w+) in ([\d.]+) s", answer)
    return honest is not None and (honest[1] not in ("200", "400") or float(honest[2]) > MOST_SECONDS)


def table(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> str:
    """Both results side by side, in Markdown; of a refusal the status alone, without what it says."""
    lines = [
        "| attack | MiB before | after | CPU seconds before | after | answer before | after |",
        "|---|---|---|---|---|---|---|",
    ]
    for title in ATTACKS:
        pair = [rows.get(title, {}) for rows in (before, after)]
        numbers = [f"{row[key]:,}" if key in row else "-" for key in ("memory_mib", "cpu_seconds") for row in pair]
        answers = [row.get("answer", "-").partition(": ")[0] for row in pair]
        lines.append(f"| {' | '.join([title, *numbers, *answers])} |")
    return "\n".join(lines)


def sources(tree: Path) -> str:
    """A digest of the server's sources: rows of other sources are measured anew."""
    files = sorted((tree / "captcha_keras" / "serving").rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def rows_of(name: str, digest: str | None = None) -> dict[str, dict[str, Any]]:
    """The rows of a result, those measured with these sources; none if there is no such file."""
    file = RESULTS / f"{name}.json"
    rows: dict[str, dict[str, Any]] = json.loads(file.read_text())["rows"] if file.exists() else {}
    return {title: row for title, row in rows.items() if digest in (None, row.get("sources"))}


def main() -> None:
    """Attack and report; the exit status is 1 if a row shows what must not be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model(parser)
    parser.add_argument("--tree", type=Path, default=Path.cwd(), metavar="DIR", help="sources that serve (these)")
    parser.add_argument("--name", default="after", help="of the column in the results (%(default)s)")
    parser.add_argument("--again", action="store_true", help="measure also what these sources have a row for")
    parser.add_argument("--only", default="", metavar="WORDS", help="attacks with these words alone (all)")
    given = parser.parse_args()
    name = f"serving_attacks_{given.name}"
    digest = sources(given.tree)
    rows = rows_of(name, digest)
    titles = [title for title in ATTACKS if given.only in title and (given.again or title not in rows)]
    where = environment(["msgspec", "starlette", "uvicorn"])
    for title, row in measure_all(given.tree, given.model.resolve(), titles) if titles else ():
        rows[title] = {**row, "sources": digest}
        costs = f"{row['memory_mib']} MiB, {row['cpu_seconds']} CPU s"
        print(f"{title}: {costs}, {row['answer']}", file=sys.stderr, flush=True)
        in_order = {each: rows[each] for each in ATTACKS if each in rows}
        write_json(RESULTS / f"{name}.json", {**where, "rows": in_order})
    print(table(rows_of("serving_attacks_before"), rows_of(name)))
    if found := excesses(rows):
        sys.exit("\n".join(["", "Not as it must be:", *found]))


if __name__ == "__main__":
    main()
