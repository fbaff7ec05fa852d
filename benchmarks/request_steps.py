"""The moments at which a request passes from one part of the embedded server to the next."""

from __future__ import annotations

import contextlib
import functools
import inspect
import pkgutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

# The steps of a request. Each ends when the function is entered, or left.
STEPS = (
    ("client sends, server wakes", "serving.http.connections:Connection.data_received", "entered"),
    ("HTTP is parsed, a task begins (uvicorn)", "serving.http.access:AccessLog.__call__", "entered"),
    ("routing (Starlette)", "serving.http.app:Application.tf_serving", "entered"),
    ("body is read", "serving.http.app:predict", "entered"),
    ("JSON and base64", "serving.batching:Batcher.run", "entered"),
    ("queue, way to a thread", "serving.models.model:ServedModel.run", "entered"),
    ("image decoding and network (TensorFlow)", "serving.models.model:ServedModel.run", "left"),
    ("way back to the event loop", "serving.http.rest:write_response", "entered"),
    ("answer as JSON", "serving.http.rest:write_response", "left"),
)
LAST_STEP = "answer is sent, client reads it"


@contextlib.contextmanager
def noted(moments: list[tuple[str, float]]) -> Iterator[None]:
    """Note each moment at which a step ends, within a `with` block."""
    with contextlib.ExitStack() as stack:
        for place in dict.fromkeys(place for _, place, _ in STEPS):
            module, _, path = place.partition(":")
            owner = functools.reduce(getattr, path.split(".")[:-1], pkgutil.resolve_name(f"captcha_keras.{module}"))
            name = path.split(".")[-1]
            titles = {when: title for title, where, when in STEPS if where == place}
            original = vars(owner)[name]
            setattr(owner, name, _noting(original, titles, moments))
            stack.callback(setattr, owner, name, original)
        yield


def _noting(
    function: Callable[..., Any], titles: Mapping[str, str], moments: list[tuple[str, float]]
) -> Callable[..., Any]:
    def note(when: str) -> None:
        if when in titles:
            moments.append((titles[when], time.perf_counter()))

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        note("entered")
        result = function(*args, **kwargs)
        note("left")
        return result

    @functools.wraps(function)
    async def wrapped_coroutine(*args: Any, **kwargs: Any) -> Any:
        note("entered")
        return await function(*args, **kwargs)

    return wrapped_coroutine if inspect.iscoroutinefunction(function) else wrapped


def steps_of(moments: Sequence[tuple[str, float]], requests: Sequence[tuple[float, float]]) -> dict[str, float]:
    """The mean of each step in milliseconds.

    Args:
        moments: The steps that ended and when, of all requests.
        requests: When each request was sent and answered, one after another.

    Raises:
        RuntimeError: A request has not passed all steps.
    """
    sums = dict.fromkeys([*(title for title, _, _ in STEPS), LAST_STEP], 0.0)
    place = 0
    for sent, answered in requests:
        passed: dict[str, float] = {}
        while place < len(moments) and moments[place][1] <= answered:
            title, moment = moments[place]
            if moment >= sent:
                passed.setdefault(title, moment)
            place += 1
        if len(passed) != len(STEPS):
            raise RuntimeError(f"a request passed only {', '.join(passed)}")
        last = sent
        for title, moment in passed.items():
            sums[title] += moment - last
            last = moment
        sums[LAST_STEP] += answered - last
    return {title: 1000 * seconds / len(requests) for title, seconds in sums.items()}
