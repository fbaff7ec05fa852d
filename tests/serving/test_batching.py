from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, cast

import numpy as np
import pytest

from captcha_keras.cores import available_cores
from captcha_keras.errors import InputError
from captcha_keras.recognizer.pretrained import pretrained_path
from captcha_keras.serving.batching import Batcher, BatchingConfig
from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.models.model import ServedModel, load_model
from tests.image_files import JPEG


class Doubling:
    """Gives back twice what it is given, and waits at a gate."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def check(self, signature: str, arrays: dict[str, Any]) -> None:
        if signature == "none":
            raise invalid("no such signature")

    def run(self, signature: str, arrays: dict[str, Any]) -> dict[str, Any]:
        assert self.gate.wait(10)
        self.batches.append(arrays["x"].tolist())
        if 13 in arrays["x"]:
            raise RuntimeError("unlucky")
        return {"y": 2 * arrays["x"], "name": np.array([signature] * len(arrays["x"]), object)}

    @property
    def model(self) -> ServedModel:
        return cast(ServedModel, self)


def ask(batcher: Batcher, doubling: Doubling, *numbers: int, signature: str = "s") -> asyncio.Task[Any]:
    return asyncio.create_task(batcher.run(doubling.model, signature, {"x": np.array(numbers)}))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_waits_at_the_same_time_is_computed_together() -> None:
    async def main() -> None:
        doubling = Doubling()
        sizes: list[int] = []
        batcher = Batcher(
            BatchingConfig(threads=1, max_batch_size=4, max_waiting_rows=100), lambda rows, *_: sizes.append(rows)
        )
        doubling.gate.clear()
        first = ask(batcher, doubling, 1)
        await settled()
        others = [ask(batcher, doubling, *numbers) for numbers in ((2, 3), (4,), (5, 6, 7), (8,))]
        await settled()
        doubling.gate.set()
        answers = [(await task)["y"].tolist() for task in (first, *others)]
        assert answers == [[2], [4, 6], [8], [10, 12, 14], [16]]
        # The first finds the model idle; of the others as many as fit, in order, and who fits the gap.
        assert doubling.batches == [[1], [2, 3, 4, 8], [5, 6, 7]]
        assert sizes == [1, 4, 3]
        assert batcher.waiting_rows == 0

    asyncio.run(main())


def test_signatures_and_models_are_not_mixed() -> None:
    async def main() -> None:
        one, two = Doubling(), Doubling()
        batcher = Batcher(BatchingConfig(threads=1))
        one.gate.clear()
        first = ask(batcher, one, 1)
        await settled()
        others = [ask(batcher, one, 2, signature="t"), ask(batcher, two, 3), ask(batcher, one, 4)]
        await settled()
        one.gate.set()
        answers = [await task for task in (first, *others)]
        assert [answer["name"][0] for answer in answers] == ["s", "t", "s", "s"]
        assert one.batches == [[1], [2], [4]]
        assert two.batches == [[3]]

    asyncio.run(main())


def test_a_long_request_is_computed_in_parts() -> None:
    async def main() -> None:
        doubling = Doubling()
        answer = await ask(Batcher(BatchingConfig(threads=1, max_batch_size=4)), doubling, *range(10))
        assert answer["y"].tolist() == [2 * number for number in range(10)]
        assert doubling.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
        with pytest.raises(RequestError, match="at least one row"):
            await ask(Batcher(BatchingConfig(threads=1)), doubling)

    asyncio.run(main())


def test_a_computation_is_bounded_by_pixels_too(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {b"": 0, b"s": 1, b"m": 40, b"l": 100}
    monkeypatch.setattr("captcha_keras.serving.pixels.image_pixels", sizes.__getitem__)
    monkeypatch.setattr("captcha_keras.serving.pixels.MAX_ROW_PIXELS", 50)
    monkeypatch.setattr("captcha_keras.serving.pixels.MAX_REQUEST_PIXELS", 200)
    monkeypatch.setattr("captcha_keras.serving.batching.MAX_BATCH_PIXELS", 80)

    class Keeping(Doubling):
        def run(self, signature: str, arrays: dict[str, Any]) -> dict[str, Any]:
            assert self.gate.wait(10)
            self.batches.append(b"".join(row or b"-" for row in arrays["image_bytes"]).decode())  # type: ignore[arg-type]
            return arrays

    async def main() -> None:
        keeping = Keeping()
        batcher = Batcher(BatchingConfig(threads=1))

        def ask(rows: bytes) -> asyncio.Task[Any]:
            files = np.array([bytes([row]) for row in rows], object)
            return asyncio.create_task(batcher.run(keeping.model, "s", {"image_bytes": files}))

        # Too large a row is as one that is no image, and counts nothing.
        assert (await ask(b"lml"))["image_bytes"].tolist() == [b"", b"m", b""]
        await ask(b"mmsmms")
        keeping.gate.clear()
        waiting = []
        for rows in (b"s", b"m", b"m", b"m", b"s"):
            waiting.append(ask(rows))
            await settled()
        keeping.gate.set()
        await asyncio.gather(*waiting)
        assert keeping.batches == ["-m-", "mm", "sm", "ms", "s", "mm", "ms"]
        with pytest.raises(RequestError, match=r"may have 200 pixels together, got 240; send fewer") as caught:
            await ask(b"mmmmmm")
        assert caught.value.code is Code.INVALID_ARGUMENT

    asyncio.run(main())


def test_a_full_queue_refuses_and_recovers() -> None:
    async def main() -> None:
        doubling = Doubling()
        batcher = Batcher(BatchingConfig(threads=1, max_batch_size=2, max_waiting_rows=3))
        doubling.gate.clear()
        running = ask(batcher, doubling, 1)
        await settled()
        waiting = ask(batcher, doubling, 2, 3)
        await settled()
        with pytest.raises(RequestError, match="busy") as caught:
            await ask(batcher, doubling, 4, 5)
        assert caught.value.code is Code.UNAVAILABLE
        fits = ask(batcher, doubling, 6)
        await settled()
        doubling.gate.set()
        assert [(await task)["y"].tolist() for task in (running, waiting, fits)] == [[2], [4, 6], [12]]
        assert (await ask(batcher, doubling, 4, 5))["y"].tolist() == [8, 10]
        with pytest.raises(RequestError, match="may have 3 rows, got 4") as caught:
            await ask(batcher, doubling, 1, 2, 3, 4)
        assert caught.value.code is Code.INVALID_ARGUMENT

    asyncio.run(main())


def test_who_waits_too_long_is_told_and_not_computed() -> None:
    async def main() -> None:
        doubling = Doubling()
        batcher = Batcher(BatchingConfig(threads=1, timeout=0.05))
        doubling.gate.clear()
        running = ask(batcher, doubling, 1)
        await settled()
        late = ask(batcher, doubling, 2)
        for task in (running, late):
            with pytest.raises(RequestError, match=r"No answer within 0\.05 s") as caught:
                await task
            assert caught.value.code is Code.DEADLINE_EXCEEDED
        doubling.gate.set()
        assert (await ask(batcher, doubling, 3))["y"].tolist() == [6]
        assert doubling.batches == [[1], [3]]
        assert batcher.waiting_rows == 0

    asyncio.run(main())


def test_a_failing_computation_fails_its_requests_alone() -> None:
    async def main() -> None:
        doubling = Doubling()
        batcher = Batcher(BatchingConfig(threads=1))
        with pytest.raises(RequestError, match=r"The model failed: RuntimeError\.") as caught:
            await ask(batcher, doubling, 13)
        assert caught.value.code is Code.INTERNAL
        with pytest.raises(RequestError, match="no such signature"):
            await ask(batcher, doubling, 1, signature="none")
        with pytest.raises(RequestError, match=r"same number of rows, got \[1, 2\]"):
            await batcher.run(doubling.model, "s", {"x": np.zeros(1), "z": np.zeros(2)})
        assert (await ask(batcher, doubling, 1))["y"].tolist() == [2]

    asyncio.run(main())


def test_several_threads_compute_at_the_same_time() -> None:
    async def main() -> None:
        doubling = Doubling()
        batcher = Batcher(BatchingConfig(threads=2, max_batch_size=1, max_waiting_rows=10))
        doubling.gate.clear()
        tasks = [ask(batcher, doubling, number) for number in range(3)]
        await settled()
        assert batcher.waiting_rows == 1
        threading.Timer(0.05, doubling.gate.set).start()
        begin = time.monotonic()
        assert [(await task)["y"].tolist() for task in tasks] == [[0], [2], [4]]
        assert time.monotonic() - begin < 5

    asyncio.run(main())


def test_more_computations_than_threads_of_tensorflow_all_end() -> None:
    """Some ways to call a model block a thread of TensorFlow for each computation, and then none is left to decode."""
    model = load_model(pretrained_path("captcha") / "1")

    async def main() -> None:
        threads = 2 * available_cores()
        batcher = Batcher(BatchingConfig(threads=threads, max_batch_size=1, timeout=60))
        files = np.array([JPEG], object)
        answers = [batcher.run(model, "", {"image_bytes": files}) for _ in range(4 * threads)]
        assert all(answer["valid"].tolist() == [True] for answer in await asyncio.gather(*answers))

    asyncio.run(main())


@pytest.mark.parametrize("wrong", [{"max_batch_size": 0}, {"threads": 0}, {"timeout": 0}, {"max_waiting_rows": 63}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"must be positive|must be at least max_batch_size"):
        BatchingConfig(**wrong)
