"""The embedded server under load: requests of one image each, by more and more clients, with several settings.

python -m benchmarks.serving_load       (14 minutes; needs the extra "serve")

Server and clients share the machine's cores. A client sends its next request as soon as it has the answer to the last,
also when that was a refusal. The last row is over capacity: most of its clients find no room to wait.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import environment, write_results

CLIENTS = (1, 8, 64, 256)
SETTINGS = {
    "batches (default)": (),
    "batches, one thread": ("--threads", "1"),
    "one by one": ("--batch-rows", "1"),
}
OVER_CAPACITY = ("batches, 64 may wait", ("--waiting-rows", "64"), 256)
PATH = "/v1/models/captcha:predict"


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        setting: How the server computes.
        clients: Clients at the same time.
        answers_per_second: Answers of status 200.
        p50: Median of the milliseconds to an answer.
        p99: Their 99th percentile.
        refused: Answers of status 503.
        errors: Other answers, and none.
        recovered: Whether one client alone was answered, every time, right after the others had left.
        memory_before: Resident memory of the server in MiB after a warm-up.
        memory_after: The same at the end.
    """

    setting: str
    clients: int
    answers_per_second: float
    p50: float
    p99: float
    refused: int
    errors: int
    recovered: bool
    memory_before: float
    memory_after: float


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """Send a request on a connection that stays open; returns the status."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))[15:])
    await reader.readexactly(length)
    return int(head[9:12])


async def load(port: int, requests: list[bytes], clients: int, seconds: float) -> tuple[Counter[int], list[float]]:
    """Let clients ask for some seconds.

    Returns:
        The number of answers by status (0: none), and the milliseconds to each answer of status 200.
    """
    statuses: Counter[int] = Counter()
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begin := time.perf_counter()) < end:
            try:
                status = await ask(reader, writer, requests[(number + statuses.total()) % len(requests)])
            except (OSError, EOFError):
                statuses[0] += 1
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                continue
            statuses[status] += 1
            if status == 200:
                times.append(1000 * (time.perf_counter() - begin))
        writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return statuses, times


def resident(process: int) -> float:
    """Resident memory of a process in MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def measure(
    model: Path, requests: list[bytes], setting: str, options: Sequence[str], clients: int, seconds: float
) -> Row:
    """Start a server, warm it up, load it."""
    command = [sys.executable, "-m", "captcha_keras", "serve", "--model", str(model), "--port", "0", *options]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = server.stdout.readline() if server.stdout else ""
        if "127.0.0.1:" not in line:
            raise RuntimeError("the server did not start")
        port = int(line.split("127.0.0.1:")[1].split("/")[0])
        asyncio.run(load(port, requests, clients, 3))
        before = resident(server.pid)
        statuses, times = asyncio.run(load(port, requests, clients, seconds))
        after = resident(server.pid)
        alone, _ = asyncio.run(load(port, requests, 1, 1))
    finally:
        server.terminate()
        server.wait()
    p50, p99 = np.percentile(times, [50, 99])
    return Row(
        setting,
        clients,
        statuses[200] / seconds,
        float(p50),
        float(p99),
        statuses[503],
        statuses.total() - statuses[200] - statuses[503],
        set(alone) == {200},
        before,
        after,
    )


def request_of(image: bytes) -> bytes:
    """A whole HTTP request for one image."""
    body = json.dumps({"instances": [{"b64": base64.b64encode(image).decode()}]}).encode()
    return f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def main() -> None:
    """Measure and report."""
    from captcha_keras.recognizer.formats import read_spec
    from captcha_keras.recognizer.locate import find_model
    from captcha_keras.recognizer.pretrained import pretrained_path
    from data_gen import Series

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=Path, default=pretrained_path("captcha"), metavar="DIR", help="versions of a model (pretrained)"
    )
    parser.add_argument("--seconds", type=float, default=60, metavar="S", help="of each measurement (%(default)s)")
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS, metavar="N", help="1 8 64 256")
    given = parser.parse_args()
    source = Series(read_spec(find_model(given.model).path), "load").source()
    requests = [request_of(source.draw(index).content) for index in range(64)]
    where: dict[str, Any] = environment(["tensorflow", "uvicorn", "starlette"])
    print(f"{where['processor']}, {where['date']}, {given.seconds:g} s each\n")
    print(f"{'setting':24}clients  answers/s  p50, ms  p99, ms  refused  errors  recovered  memory, MiB")
    runs = [(setting, options, clients) for clients in given.clients for setting, options in SETTINGS.items()]
    rows = []
    for setting, options, clients in [*runs, OVER_CAPACITY]:
        row = measure(given.model, requests, setting, options, clients, given.seconds)
        rows.append(asdict(row))
        print(
            f"{setting:24}{clients:7}{row.answers_per_second:11.0f}{row.p50:9.1f}{row.p99:9.1f}{row.refused:9}"
            f"{row.errors:8}  {'yes' if row.recovered else 'no':9}  {row.memory_before:.0f} - {row.memory_after:.0f}",
            flush=True,
        )
    write_results("serving_load", {**where, "rows": rows})


if __name__ == "__main__":
    main()
