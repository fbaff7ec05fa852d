"""Where the time of one request goes, from the client and back, and what the event loop's time goes into under load.

python -m benchmarks.serving_profile       (1 minute; needs the extra "serve")

The server runs in this process, its clients in another one. First one client asks again and again, and the moments at
which its requests pass from one part of the server to the next are noted: their distances add up to the whole. Then 64
clients ask: the CPU time of each thread is measured, and after that which functions of the event loop took it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import logging
import multiprocessing
import os
import pstats
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.load_generator import Load, closed_loop, request_of, run
from benchmarks.measure import environment, write_results
from benchmarks.measured_server import add_model
from benchmarks.request_steps import noted, steps_of
from benchmarks.serving_load import drawn_images

# Parts of the event loop's work, by pieces of the paths of their files; the first that fits counts.
GROUPS = {
    "HTTP (uvicorn, connections.py)": ("/uvicorn/", "/connections.py", "/http/server.py"),
    "routing, requests, answers (Starlette)": ("/starlette/", "/serving/http/app.py", "/serving/http/errors.py"),
    "JSON and base64": ("/serving/json/", "/serving/http/rest.py", "/serving/http/bodies.py"),
    "log (logging, access.py)": ("/logging/", "/logs.py", "/access.py", "/json/"),
    "metrics (prometheus_client)": ("/prometheus_client/", "/metrics.py"),
    "event loop (asyncio)": ("/asyncio/", "/selectors.py", "/concurrent/", "/threading.py", "/contextlib.py"),
    "checks of the inputs (model.py)": ("/serving/models/model.py", "/tensorflow/", "/serving/pixels.py"),
    "queue (batching.py)": ("/serving/batching.py", "/numpy/"),
}
WAITING = ("select.epoll", "select.select")


def ask_alone(port: int, requests: Sequence[bytes], count: int) -> list[tuple[float, float]]:
    """One client; the moments at which each of its requests was sent and answered."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for number in range(count):
        request = requests[number % len(requests)]
        if connection.sock is None:
            connection.connect()
        begin = time.perf_counter()
        connection.sock.sendall(request)
        answer = http.client.HTTPResponse(connection.sock, method="POST")
        answer.begin()
        answer.read()
        times.append((begin, time.perf_counter()))
        if answer.status != 200:
            raise RuntimeError(f"an answer has the status {answer.status}")
    connection.close()
    return times


def load(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> tuple[Load, float]:
    """Many clients; what they saw, and their CPU seconds."""
    begin = time.process_time()
    return run(closed_loop(port, requests, clients, seconds)), time.process_time() - begin


def groups_of(profile: cProfile.Profile) -> dict[str, float]:
    """The share of each part in the time of a profiled event loop, waiting for events left out.

    The time of a function that is written in C belongs to the one that called it.
    """
    own: Counter[str] = Counter()
    for (file, _, name), (_, _, seconds, _, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if any(word in name for word in WAITING):
            continue
        if file == "~" and callers:
            for (caller, _, _), (_, _, part, _) in callers.items():
                own[_group(caller)] += part
        else:
            own[_group(file)] += seconds
    total = own.total()
    return {title: seconds / total for title, seconds in own.most_common()}


def _group(file: str) -> str:
    return next((title for title, parts in GROUPS.items() if any(part in file for part in parts)), "other")


@contextlib.contextmanager
def log_to_nowhere() -> Iterator[None]:
    """Write the log as the server does, and throw it away."""
    from captcha_keras.serving.logs import log_as_json

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        log_as_json()
        try:
            yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)


def measure(model: Path, requests: Sequence[bytes], count: int, clients: int, seconds: float) -> dict[str, Any]:
    """Serve, ask, measure; to be called in the main thread.

    Args:
        model: Folder of the versions.
        requests: Are sent in turns.
        count: Requests of the one client.
        clients: Clients under load.
        seconds: For which they ask, once to measure the CPU time and once to profile.

    Returns:
        "steps": milliseconds of each step of a request; "cpu": CPU milliseconds for each answer under load, by threads;
        "groups": shares of the event loop's time; "answers_per_second" under load, without the profiler.
    """
    from captcha_keras.serving.config import ServeConfig
    from captcha_keras.serving.server import serve

    result: dict[str, Any] = {}
    clock = time.pthread_getcpuclockid(threading.get_ident())
    profile = cProfile.Profile(time.thread_time)  # not the time for which other threads have the processor

    def drive(port: int, loop: asyncio.AbstractEventLoop) -> None:
        try:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, context) as pool:
                pool.submit(ask_alone, port, requests, max(1, count // 4)).result()
                moments.clear()
                times = pool.submit(ask_alone, port, requests, count).result()
                result["steps"] = steps_of(moments[:], times)
                pool.submit(load, port, requests, clients, seconds / 4).result()
                whole, own = time.process_time(), time.clock_gettime(clock)
                seen, client = pool.submit(load, port, requests, clients, seconds).result()
                own, whole = time.clock_gettime(clock) - own, time.process_time() - whole
                parts = {"event loop": own, "network and image decoding": whole - own, "clients": client}
                result["cpu"] = {title: 1000 * value / seen.statuses[200] for title, value in parts.items()}
                result["answers_per_second"] = seen.figures()["answers_per_second"]
                loop.call_soon_threadsafe(profile.enable)
                pool.submit(load, port, requests, clients, seconds).result()
                loop.call_soon_threadsafe(profile.disable)
                time.sleep(0.2)
        except BaseException as error:  # also what a worker raised; the main thread raises it again
            result["error"] = error
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_start(port: int, *_: Any) -> None:
        threading.Thread(target=drive, args=(port, asyncio.get_running_loop())).start()

    moments: list[tuple[str, float]] = []
    with log_to_nowhere(), noted(moments):
        serve(ServeConfig(model, port=0), on_start=on_start)
    if "error" in result:
        raise result["error"]
    result["groups"] = groups_of(profile)
    return result


def model_times(model: Path, image: bytes, repeats: int) -> dict[str, float]:
    """Milliseconds of a call of the model, without a server: with files, and with pixels, which need no decoding."""
    from captcha_keras.recognizer.locate import find_model
    from captcha_keras.serving.models.model import load_model

    served = load_model(find_model(model).path)
    size = [side or 1 for side in served.inputs("images")["image"].shape[1:]]
    result: dict[str, float] = {}
    for rows in (1, 64):
        calls = {
            "files": ("serving_default", {"image_bytes": np.array([image] * rows, object)}),
            "pixels": ("images", {"image": np.zeros((rows, *size), np.uint8)}),
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(repeats if rows == 1 else repeats // 10 + 1):
            for name, call in calls.items():  # in turns, so that a slow moment hits both
                begin = time.perf_counter()
                served.run(*call)
                times[name].append(1000 * (time.perf_counter() - begin))
        result |= {f"{rows} image{'s' * (rows > 1)} as {name}": float(np.median(each)) for name, each in times.items()}
    return result


def tables(result: Mapping[str, Any]) -> str:
    """What was measured, in Markdown."""
    steps, cpu = result["steps"], result["cpu"]
    whole, spent = sum(steps.values()), sum(cpu.values())
    blocks = [
        ("step of a request, one client", "ms", "share", {name: (ms, ms / whole) for name, ms in steps.items()}),
        ("CPU time of an answer under load", "ms", "share", {name: (ms, ms / spent) for name, ms in cpu.items()}),
        (
            "part of the event loop (profiled: Python counts for more)",
            "ms",
            "share",
            {name: (share * cpu["event loop"], share) for name, share in result["groups"].items()},
        ),
    ]
    lines = []
    for *head, rows in blocks:
        lines += [f"| {' | '.join(head)} |", "|---|---|---|"]
        lines += [f"| {name} | {ms:.3f} | {share:.1%} |" for name, (ms, share) in rows.items()]
        total = sum(ms for ms, _ in rows.values())
        lines += [f"| together | {total:.3f} | |", ""]
    lines += ["| a call of the model, without a server | ms |", "|---|---|"]
    lines += [f"| {name} | {ms:.3f} |" for name, ms in result["model"].items()]
    return "\n".join(lines)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model(parser)
    parser.add_argument("--requests", type=int, default=1000, metavar="N", help="of the one client (%(default)s)")
    parser.add_argument("--clients", type=int, default=64, metavar="N", help="under load (%(default)s)")
    parser.add_argument("--seconds", type=float, default=8, metavar="S", help="of load, twice (%(default)s)")
    given = parser.parse_args()
    where = environment(["tensorflow", "uvicorn", "starlette", "msgspec"])
    images = drawn_images(given.model)
    requests = [request_of(image) for image in images]
    result = measure(given.model, requests, given.requests, given.clients, given.seconds)
    result["model"] = model_times(given.model, images[0], max(1, given.requests // 5))
    print(f"{where['processor']}, {where['date']}, {given.clients} clients: {result['answers_per_second']} answers/s\n")
    print(tables(result))
    write_results("serving_profile", {**where, "clients": given.clients, **result})


if __name__ == "__main__":
    main()
