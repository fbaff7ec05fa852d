"""Where trials run: in this process one after the other, or as tasks of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from captcha_keras.audit.plan import Trial
from captcha_keras.audit.trial import Result, run
from captcha_keras.errors import CommandError
from data_gen.engines import RETRIES, ray_cluster

CORES = 2

# Runs trials in any order and yields each with its result; calls back with the images that a running one has seen.
Engine = Callable[[Sequence[Trial], Callable[[int], None]], Iterator[tuple[Trial, Result]]]


def here(*, gpu: bool = False) -> Engine:
    """An engine that runs trials one after the other in this process.

    Example:
        >>> engine = here()
        >>> list(engine([], print))  # no trials, so no results
        []
    """

    def work(trials: Sequence[Trial], seen: Callable[[int], None]) -> Iterator[tuple[Trial, Result]]:
        for trial in trials:
            yield trial, run(trial, seen, gpu=gpu)

    return work


def ray_tasks(address: str | None = None) -> Engine:
    """An engine that runs trials as tasks of a Ray cluster, each on two cores in a process of its own.

    Args:
        address: Of an existing cluster, whose machines have this package, and the audited folder and fonts at the same
            paths; by default one is started on this machine.

    Raises:
        InputError: Ray is not installed, or nothing answers at the address.

    Example:
        >>> ray_tasks("somewhere")
        Traceback (most recent call last):
        captcha_keras.errors.InputError: The address of a Ray cluster must look like 10.0.0.1:6379, got 'somewhere'.
    """
    cluster = ray_cluster(address)

    def work(trials: Sequence[Trial], seen: Callable[[int], None]) -> Iterator[tuple[Trial, Result]]:
        with cluster() as ray:
            cores = min(CORES, int(ray.cluster_resources().get("CPU", 1)))
            # A process of its own for each: TensorFlow's threads and memory end with it.
            task = ray.remote(num_cpus=cores, max_calls=1, max_retries=RETRIES)(_run_on)
            pending = {task.remote(trial, cores): trial for trial in trials}
            try:
                while pending:
                    (finished,), _ = ray.wait(list(pending), num_returns=1)
                    yield pending.pop(finished), ray.get(finished)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except ray.exceptions.RayError as error:
                raise CommandError(
                    f"The Ray cluster gave up ({type(error).__name__}). Finished trials are kept: run the same command "
                    "again."
                ) from error

    return work


def _run_on(trial: Trial, cores: int) -> Result:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(cores)
    return run(trial)
