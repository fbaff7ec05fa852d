"""What clients do whatever the protocol: batches, retries and the deadline; it does no input or output itself.

This is written once, as coroutines. An asynchronous client awaits them. The transport of a blocking client never
suspends, so `finish` runs them to their end in one step.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from captcha_keras.errors import InputError
from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.serving.client.errors import DeadlineError, ServerError, UnavailableError

FIRST_PAUSE = 0.1  # seconds; doubled with each attempt
MAX_PAUSE = 2.0
NO_TIME = 0.05  # seconds; gRPC may end a call a little before its deadline
LONGEST = 1e6  # seconds, 11 days: more does not fit into the milliseconds of a socket's time limit
Result = TypeVar("Result")
Inputs = Mapping[str, Sequence[bytes]]


class Transport(Protocol):
    """A protocol spoken over a connection; all its errors are `ServerError`.

    Example:
        >>> class Broken:
        ...     address = "nowhere"
        ...     def write(self, signature, inputs):
        ...         return inputs
        ...     async def predict(self, request, rows, timeout):
        ...         raise ServerError("It failed.", "INTERNAL")
        >>> finish(Caller(Broken(), timeout=1.0, batch_size=64).read([b"a"]))
        Traceback (most recent call last):
        captcha_keras.serving.client.errors.ServerError: It failed.
    """

    address: str

    def write(self, signature: str, inputs: Inputs) -> Any:
        """Make a request, to be sent once or several times."""

    async def predict(self, request: Any, rows: int, timeout: float) -> list[Prediction | None]:
        """Send a request of some rows and await its answer for at most `timeout` seconds."""

    async def states(self, timeout: float) -> list[str]:
        """Ask for the states of the model's versions."""

    async def close(self) -> None:
        """Close the connection."""


def finish(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that never suspends, and return its result.

    Example:
        >>> async def work():
        ...     return 7
        >>> finish(work())
        7
    """
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise RuntimeError("A blocking transport was suspended.")


async def sleep(seconds: float) -> None:
    """Sleep without being suspended: the thread does nothing else.

    Example:
        >>> finish(sleep(0.001))
    """
    time.sleep(seconds)


class Deadline:
    """The time by which a call must have ended.

    Args:
        seconds: From now.

    Raises:
        InputError: `seconds` is not above 0.

    Example:
        >>> 1.9 < Deadline(2.0).left() <= 2.0
        True
    """

    def __init__(self, seconds: float) -> None:
        if not seconds > 0:
            raise InputError(f"timeout must be above 0 seconds, got {seconds:g}.")
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds that are left; 0 and below: none."""
        return min(self._end - time.monotonic(), LONGEST)


class Caller:
    """Calls a model over a transport.

    Args:
        transport: Sends one request at a time.
        timeout: Seconds for a call with all its batches, attempts and pauses.
        batch_size: Images of a request, at most.
        sleep: Awaited between two attempts, with the seconds to wait; blocks without one.

    Raises:
        InputError: `timeout` or `batch_size` is out of range.

    Example:
        >>> class Fake:  # in place of a connection
        ...     address = "nowhere"
        ...     async def states(self, timeout):
        ...         return ["AVAILABLE"]
        ...     def write(self, signature, inputs):
        ...         return inputs
        ...     async def predict(self, request, rows, timeout):
        ...         return [Prediction("AB3D", 1.0, (1.0,) * 4)] * rows
        >>> caller = Caller(Fake(), timeout=60.0, batch_size=1)
        >>> finish(caller.ready()), [prediction.text for prediction in finish(caller.read([b"a", b"b"]))]
        (True, ['AB3D', 'AB3D'])
    """

    def __init__(
        self, transport: Transport, timeout: float, batch_size: int, sleep: Callable[[float], Awaitable[None]] = sleep
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, got {batch_size}.")
        Deadline(timeout)
        self._transport = transport
        self._timeout = timeout
        self._batch_size = batch_size
        self._sleep = sleep

    async def read(
        self, images: Sequence[bytes], alphabet: str = "", length: int | str = "", timeout: float | None = None
    ) -> list[Prediction | None]:
        """See `Client.read`."""
        _check(images)
        deadline = Deadline(self._timeout if timeout is None else timeout)
        limits = {"alphabet": alphabet.encode(), "length": str(length).encode()}
        signature = "limited" if any(limits.values()) else "serving_default"
        predictions: list[Prediction | None] = []
        while len(predictions) < len(images):
            inputs = {"image_bytes": images[len(predictions) : len(predictions) + self._batch_size]}
            if signature == "limited":
                inputs |= {name: [limit] * len(inputs["image_bytes"]) for name, limit in limits.items()}
            try:
                predictions += await self._predict(signature, inputs, deadline)
            except DeadlineError as error:
                if deadline.left() > NO_TIME:  # the server's own deadline
                    raise
                have = f"{len(predictions):,} of {len(images):,} images are read"
                message = f"{self._transport.address} did not answer within {deadline.seconds:g} s; {have}."
                raise DeadlineError(message) from error
        return predictions

    async def ready(self) -> bool:
        """See `Client.ready`."""
        try:
            return "AVAILABLE" in await self._transport.states(Deadline(self._timeout).left())
        except ServerError:
            return False

    async def close(self) -> None:
        """Close the connection."""
        await self._transport.close()

    async def _predict(self, signature: str, inputs: Inputs, deadline: Deadline) -> list[Prediction | None]:
        """Send a request until it is answered; to predict twice does no harm."""
        request, rows = self._transport.write(signature, inputs), len(inputs["image_bytes"])
        pause = FIRST_PAUSE
        while True:
            left = deadline.left()
            if left <= 0:  # the batches before took it
                raise DeadlineError("No time is left.")
            try:
                return await self._transport.predict(request, rows, left)
            except UnavailableError as error:
                # Half of the pause is random: clients that were refused together shall not come back together.
                wait = error.retry_after + pause * random.uniform(0.5, 1.0)
                if wait >= deadline.left():
                    raise self._surrender(error, deadline) from error
            await self._sleep(wait)
            pause = min(2 * pause, MAX_PAUSE)

    def _surrender(self, error: UnavailableError, deadline: Deadline) -> UnavailableError:
        address, seconds = self._transport.address, f"{deadline.seconds:g} s"
        if error.retry_after > deadline.left():
            message = f"{address} asks for {error.retry_after:g} s of patience, more than is left of {seconds}: {error}"
        else:
            message = f"{address} was not available within {seconds}: {error}"
        return UnavailableError(message, error.code, error.retry_after)


def _check(images: Sequence[bytes]) -> None:
    if not len(images):
        # TF Serving would batch a request of no rows with those of other clients, and these could fail.
        raise InputError("A request needs at least one image, got none.")
    for index, image in enumerate(images):
        if not isinstance(image, bytes):
            raise InputError(f"Image {index} must be the bytes of a file, got {type(image).__name__}.")
