"""What a client does when the server is busy or absent, or a package is missing; no server runs here."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from captcha_keras.errors import InputError
from captcha_keras.recognizer.prediction import Prediction
from captcha_keras.serving.client import Client, GrpcClient, RestClient, ServerError


class Flaky(Client):
    """Is busy a few times."""

    def __init__(self, busy: int, code: str = "UNAVAILABLE", attempts: int = 4) -> None:
        super().__init__("captcha", 1.0, 2, attempts)
        self.asked = 0
        self._busy = busy
        self._code = code

    def _states(self) -> list[str]:
        return ["AVAILABLE"]

    def close(self) -> None:
        pass

    def _predict(self, signature: str, inputs: Any) -> Any:
        self.asked += 1
        if self.asked <= self._busy:
            raise ServerError("busy", self._code)
        return [Prediction(image.decode(), 1.0, (1.0,)) for image in inputs["image_bytes"]]


def test_a_busy_server_is_asked_again_later_and_later(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("captcha_keras.serving.client.time.sleep", pauses.append)
    client = Flaky(busy=3)
    assert [prediction.text for prediction in client.read([b"a", b"b", b"c"]) if prediction] == ["a", "b", "c"]
    assert client.asked == 5
    assert 0.05 <= pauses[0] <= 0.1 <= pauses[1] <= 0.2 <= pauses[2] <= 0.4
    with pytest.raises(ServerError, match="busy"):
        Flaky(busy=4).read([b"a"])
    refused = Flaky(busy=1, code="INVALID_ARGUMENT")
    with pytest.raises(ServerError, match="busy"):
        refused.read([b"a"])
    assert refused.asked == 1


def test_a_server_that_is_not_there_is_an_error_of_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captcha_keras.serving.client.FIRST_PAUSE", 0.001)
    for client in (RestClient("http://127.0.0.1:9"), GrpcClient("127.0.0.1:9")):
        with client:
            assert not client.ready()
            with pytest.raises(ServerError) as caught:
                client.read([b"a"])
            assert caught.value.code == "UNAVAILABLE"
    with pytest.raises(ValueError, match="at least 1, got 0 and 6"):
        RestClient(batch_size=0)


def test_rest_needs_no_tensorflow() -> None:
    code = (
        "import sys\nfrom captcha_keras.serving.client import RestClient\nRestClient('http://127.0.0.1:9')\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'grpc') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("client", "module", "extra"), [(RestClient, "httpx2", "client"), (GrpcClient, "grpc", "grpc")]
)
def test_missing_packages_are_named(
    client: type[RestClient | GrpcClient], module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"pip install 'captcha-keras\[{extra}\]'"):
        client()
