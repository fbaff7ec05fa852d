"""TensorFlow Serving's REST interface for one model: status, metadata and `:predict`.

The code follows tensorflow_serving/model_servers/http_rest_api_handler.cc and http_rest_api_util.cc.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

from captcha_keras.serving.batching import Batcher
from captcha_keras.serving.errors import invalid, not_for
from captcha_keras.serving.json.answers import write_response
from captcha_keras.serving.json.requests import PredictRequest, check_examples, parse_request
from captcha_keras.serving.models.model import Input, ServedModel
from captcha_keras.serving.models.repository import ModelRepository
from captcha_keras.spec import shorten

# Of a path in a message.
MAX_PATH = 400

PREDICT = re.compile(
    r"(?i)/v1/models/([^/:]+)(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?:(classify|regress|predict)", re.ASCII
)
STATUS = re.compile(
    r"(?i)/v1/models(?:/([^/:]+))?(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?(?:/(metadata))?", re.ASCII
)
MAX_VERSION = 2**63 - 1
# Parsing a longer body may take more than a millisecond. It is parsed, and answered, in a thread.
LONG_BODY = 1 << 15


@dataclass(frozen=True)
class Target:
    """The model and the action that a path asks for.

    Attributes:
        model: Name of the model; "" if the path has none.
        version: Number of its version, if the path has one.
        label: Label of its version, if the path has one.
        action: "predict", "classify", "regress", "metadata" or "status".

    Example:
        >>> parse_path("GET", "/v1/models/captcha/labels/stable/metadata")
        Target(model='captcha', version=None, label='stable', action='metadata')
    """

    model: str
    version: int | None
    label: str | None
    action: str


def parse_path(method: str, path: str) -> Target:
    """Parse the path of a request.

    Args:
        method: "GET", "POST", …
        path: The path as sent, still percent-encoded.

    Raises:
        RequestError: The interface has no such path, or not with this method.

    Example:
        >>> parse_path("POST", "/v1/models/captcha/versions/2:predict")
        Target(model='captcha', version=2, label=None, action='predict')
    """
    pattern = {"POST": PREDICT, "GET": STATUS}.get(method)
    match = pattern.fullmatch(path) if pattern else None
    if match is None:
        raise invalid(f"Malformed request: {method} {shorten(path, MAX_PATH)}")
    name, version, label, action = match.groups()
    if version is not None and int((version.lstrip("0") or "0")[:20]) > MAX_VERSION:
        raise invalid(f"Failed to convert version: {shorten(version)} to numeric.")
    return Target(
        unquote(name or ""),
        None if version is None else int(version.lstrip("0") or "0"),
        None if label is None else unquote(label),
        (action or "status").lower(),
    )


async def predict(target: Target, body: bytes | bytearray, repository: ModelRepository, batcher: Batcher) -> bytes:
    """Answer a `POST` request; returns the JSON body.

    Args:
        target: What its path asks for.
        body: The body of the request.
        repository: Gives the model.
        batcher: Computes the request.

    Raises:
        RequestError: The request is malformed, there is no such model, or the server is busy.
    """
    model, request = await _off_loop_if_long(body, _parse, target, body, repository)
    outputs = await batcher.run(model, request.signature, request.arrays)
    answer: bytes = await _off_loop_if_long(body, write_response, outputs, request.row_format)
    return answer


def _parse(target: Target, body: bytes | bytearray, repository: ModelRepository) -> tuple[ServedModel, PredictRequest]:
    if target.action != "predict":
        check_examples(body)
        repository.find(target.model, target.version, target.label)
        raise not_for(target.action)
    models: list[ServedModel] = []

    def inputs_of(signature: str) -> dict[str, Input]:
        # As in TF Serving, a body that is no JSON object is told before a model that is not there.
        models.append(repository.find(target.model, target.version, target.label))
        return models[0].inputs(signature)

    request = parse_request(body, inputs_of)
    return models[0], request


async def _off_loop_if_long(body: bytes | bytearray, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function; if the body is long, in a thread, so that the event loop can answer other requests."""
    if len(body) > LONG_BODY:
        return await asyncio.to_thread(function, *arguments)
    return function(*arguments)


def describe(target: Target, repository: ModelRepository) -> dict[str, Any]:
    """Answer a `GET` request: the states of versions, or the signatures of the one in service.

    Args:
        target: What its path asks for.
        repository: Gives the model and its states.

    Returns:
        The answer as a JSON object.

    Raises:
        RequestError: There is no such model or version.

    Example:
        >>> from pathlib import Path
        >>> from captcha_keras.serving.models.model_config import ModelConfig
        >>> describe(parse_path("GET", "/v1/models/captcha"), ModelRepository([ModelConfig("captcha", Path("none"))]))
        Traceback (most recent call last):
        captcha_keras.serving.errors.RequestError: Could not find any versions of model captcha
    """
    if not target.model:
        raise invalid("Missing model name in request.")
    if target.action == "metadata":
        return _metadata(target, repository)
    # As in TF Serving, a label is not looked at.
    return {
        "model_version_status": [
            {
                "version": str(status.version),
                "state": status.state,
                "status": {
                    "error_code": "UNKNOWN" if status.error else "OK",
                    "error_message": status.error,
                },
            }
            for status in repository.status(target.model, target.version)
        ]
    }


def _metadata(target: Target, repository: ModelRepository) -> dict[str, Any]:
    model = repository.find(target.model, target.version, target.label)
    signatures = {
        name: MessageToDict(definition, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        for name, definition in model.meta_graph.signature_def.items()
    }
    return {
        "model_spec": {"name": target.model, "signature_name": "", "version": str(model.version)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }
