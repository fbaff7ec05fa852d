"""Where pieces are drawn: processes of this machine, or the tasks of a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from types import ModuleType

from captcha_keras.cores import available_cores
from captcha_keras.errors import CommandError, InputError
from captcha_keras.files import write_bytes
from data_gen.series import ImageSource, Series
from data_gen.settings import Settings
from data_gen.storage import storage_of

# How often a task is tried again whose worker or machine was lost.
RETRIES = 10


@dataclass(frozen=True)
class Job:
    """Drawing of pieces into a folder.

    Attributes:
        settings: What to draw.
        folder: Where the files go; for a cluster one that all its machines share.
        renderer: "auto", "fast" or "library".

    Example:
        >>> Job(Settings(count=10), Path("data/captcha/images")).renderer
        'auto'
    """

    settings: Settings
    folder: Path
    renderer: str = "auto"


# Draws the pieces of a job, in any order, and yields the number of images each time some are finished.
Engine = Callable[[Job, Iterator[int]], Iterator[int]]


def draw_pieces(job: Job, pieces: list[int]) -> int:
    """Draw and write pieces; returns the number of images.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     images = draw_pieces(Job(Settings(count=10), Path(folder)), [0, 7])
        ...     images, sorted(path.name for path in Path(folder).iterdir())
        (2, ['00000.jpg', '00007.jpg'])
    """
    storage = storage_of(job.settings)
    source = _source(job.settings.series, job.renderer)
    for piece in pieces:
        write_bytes(job.folder / storage.file_name(piece), storage.content(piece, source))
    return sum(len(storage.images(piece)) for piece in pieces)


def processes(workers: int | None = None) -> Engine:
    """An engine that draws in a pool of processes of this machine.

    Args:
        workers: Number of processes; all cores that this process may use by default.

    Raises:
        InputError: The number of workers is below 1.

    Example:
        >>> import tempfile
        >>> engine = processes(workers=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sum(engine(Job(Settings(count=10), Path(folder)), iter(range(10))))
        10
    """
    if workers is not None and workers < 1:
        raise InputError(f"The number of workers must be at least 1, got {workers}.")
    number = workers or available_cores()

    def run(job: Job, pieces: Iterator[int]) -> Iterator[int]:
        chunks = _chunks(job, pieces)
        first = next(chunks, None)
        if first is None:
            return
        pool = process_pool(number)
        try:
            # A bounded window: memory stays flat for any number of images.
            pending: set[Future[int]] = {pool.submit(draw_pieces, job, first)}
            pending |= {pool.submit(draw_pieces, job, chunk) for chunk in islice(chunks, 3 * number)}
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
                pending |= {pool.submit(draw_pieces, job, chunk) for chunk in islice(chunks, len(finished))}
        except BrokenProcessPool as error:
            raise CommandError(
                "A worker process died (killed, or out of memory). What is drawn is kept: run the same command "
                "again, perhaps with fewer --workers."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)

    return run


def ray_tasks(address: str | None = None, workers: int | None = None) -> Engine:
    """An engine that draws in tasks of a Ray cluster: an existing one, or one on this machine while it draws.

    A task whose worker or machine is lost is run again; what it wrote is written again, the same bytes.

    Args:
        address: Of an existing cluster; its machines must share the folder that is drawn into.
        workers: Processes of the local cluster; all cores by default.

    Raises:
        InputError: Ray is not installed, or nothing answers at the address.

    Example:
        >>> ray_tasks("somewhere")
        Traceback (most recent call last):
        captcha_keras.errors.InputError: The address of a Ray cluster must look like 10.0.0.1:6379, got 'somewhere'.
    """
    cluster = ray_cluster(address, workers)

    def run(job: Job, pieces: Iterator[int]) -> Iterator[int]:
        storage = storage_of(job.settings)
        chunks = _chunks(job, pieces)
        with cluster() as ray:
            try:
                task = ray.remote(max_retries=RETRIES)(draw_pieces)
                window = 4 * max(1, int(ray.cluster_resources().get("CPU", 1)))
                pending = {task.remote(job, chunk): chunk for chunk in islice(chunks, window)}
                while pending:
                    finished, _ = ray.wait(list(pending), num_returns=1)
                    for reference in finished:
                        images = ray.get(reference)
                        chunk = pending.pop(reference)
                        if not (job.folder / storage.file_name(chunk[-1])).exists():
                            raise CommandError(
                                f"The machines of the cluster do not share {job.folder} with this one; choose an "
                                "--output on a shared file system, or draw shards."
                            )
                        yield images
                    pending |= {task.remote(job, chunk): chunk for chunk in islice(chunks, len(finished))}
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error  # such as a full disk
            except ray.exceptions.RayError as error:
                raise CommandError(
                    f"The Ray cluster gave up ({type(error).__name__}). What is drawn is kept: run the same command "
                    "again."
                ) from error

    return run


def ray_cluster(
    address: str | None = None, workers: int | None = None
) -> Callable[[], AbstractContextManager[ModuleType]]:
    """A function that connects to a cluster, or starts one on this machine that lives as long as the block.

    Args:
        address: Of an existing cluster.
        workers: Processors of the local cluster; all cores by default.

    Returns:
        The function; it makes a context manager that gives the module `ray`, connected.

    Raises:
        InputError: Ray is not installed, or nothing answers at the address.

    Example:
        >>> connect = ray_cluster(workers=2)  # nothing starts before `with connect() as ray:`
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise InputError("--engine ray needs the package ray: pip install 'captcha-keras[ray]'.") from error
    if address:
        _check_address(address)

    @contextmanager
    def connected() -> Iterator[ModuleType]:
        started = not ray.is_initialized()
        if started:
            try:
                ray.init(
                    # Not None: that would take a cluster that happens to run on this machine.
                    address=address or "local",
                    num_cpus=None if address else workers,
                    include_dashboard=None if address else False,
                    log_to_driver=False,
                    logging_level="error",
                )
            except ConnectionError as error:
                raise InputError(
                    f"The Ray cluster at {address} does not let this process in; if it asks for a token, set "
                    "RAY_AUTH_MODE=token and RAY_AUTH_TOKEN."
                ) from error
        try:
            yield ray
        finally:
            if started:
                ray.shutdown()

    return connected


def _check_address(address: str) -> None:
    """Fail at once: Ray itself tries for many minutes to reach a cluster that is not there."""
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 65536):
        raise InputError(f"The address of a Ray cluster must look like 10.0.0.1:6379, got {address!r}.")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise InputError(f"There is no Ray cluster at {address}: {error.strerror or error}.") from error


def process_pool(workers: int) -> ProcessPoolExecutor:
    """A pool whose workers end with this process, even if it is killed, and leave Ctrl-C to it.

    Example:
        >>> with process_pool(1) as pool:
        ...     pool.submit(len, "captcha").result()
        7
    """
    return ProcessPoolExecutor(workers, WorkerContext(), initializer=_start_worker)


def _chunks(job: Job, pieces: Iterator[int]) -> Iterator[list[int]]:
    size = storage_of(job.settings).chunk_size
    return iter(lambda: list(islice(pieces, size)), [])


@lru_cache(1)
def _source(series: Series, renderer: str) -> ImageSource:
    """Cached between tasks: loading fonts and drawing glyphs takes longer than drawing an image."""
    return series.source(renderer)


class _WorkerProcess(SpawnProcess):
    """A process that Ctrl-C does not reach while it starts.

    It takes long to import what it needs, and would print a traceback if Ctrl-C came before its first own line.
    """

    def start(self) -> None:
        if not hasattr(signal, "pthread_sigmask"):  # Windows
            return super().start()
        # A process inherits the signals that are blocked where it is started.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class WorkerContext(SpawnContext):
    """How processes start: the same way on every system, without a copy of the parent's threads and locks.

    Ctrl-C does not reach them while they start.

    Example:
        >>> WorkerContext().get_start_method()
        'spawn'
    """

    Process = _WorkerProcess


def _start_worker() -> None:
    # Ctrl-C reaches the whole process group: the parent alone decides, its workers finish their chunk.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """End with the parent: a pool's workers would wait for ever if it were killed with -9."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
