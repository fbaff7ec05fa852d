"""Which models a server serves and which of their versions, from options or from TF Serving's `models.config`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captcha_keras.errors import InputError
from captcha_keras.spec import shorten

PLATFORM = "tensorflow"
# Of a parser's message, which repeats its line.
MAX_MESSAGE = 400


@dataclass(frozen=True)
class VersionPolicy:
    """Which versions of a model are served.

    Attributes:
        latest: How many of the latest ones; None for all.
        specific: The only ones that may be served; None for any.

    Example:
        >>> VersionPolicy().choose([1, 3, 2])
        [3]
        >>> VersionPolicy(latest=None, specific=frozenset({1, 2, 7})).choose([1, 3, 2])
        [2, 1]
    """

    latest: int | None = 1
    specific: frozenset[int] | None = None

    def choose(self, versions: Iterable[int]) -> list[int]:
        """Those of the versions that are to be served, the latest first."""
        allowed = [version for version in versions if self.specific is None or version in self.specific]
        return sorted(allowed, reverse=True)[: self.latest]


@dataclass(frozen=True)
class ModelConfig:
    """A model that is served.

    Attributes:
        name: Its name in requests.
        path: The folder of its versions.
        policy: Which versions are served.
        labels: Version numbers by the labels that requests may use.

    Example:
        >>> ModelConfig("captcha", Path("models/captcha"), labels={"stable": 1}).policy
        VersionPolicy(latest=1, specific=None)
    """

    name: str
    path: Path
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = field(default_factory=dict)


def parse_labels(text: str) -> dict[str, int]:
    """Parse labels of versions.

    Raises:
        InputError: It is not like `stable=1,canary=2`.

    Example:
        >>> parse_labels("stable=1,canary=2")
        {'stable': 1, 'canary': 2}
    """
    labels: dict[str, int] = {}
    for part in text.split(","):
        label, _, number = (word.strip() for word in part.partition("="))
        if not label or label in labels or not (number.isascii() and number.isdecimal() and len(number) < 19):
            raise InputError(f"Labels must be like stable=1,canary=2, got {shorten(text)!r}.")
        labels[label] = int(number)
    return labels


def read_model_config(path: Path) -> list[ModelConfig]:
    """Read TF Serving's `models.config`: a `ModelServerConfig` in protobuf's text format.

    As in TF Serving, a field that the messages lack is an error, the platform is `tensorflow`, names differ, and the
    base paths are absolute.

    Raises:
        InputError: The file cannot be read or asks for what this server has not, or a package is missing.

    Example:
        >>> text = 'model_config_list { config { name: "a" base_path: "/models/a" model_platform: "tensorflow" } }'
        >>> Path("models.config").write_text(text)
        94
        >>> [(model.name, model.policy.latest) for model in read_model_config(Path("models.config"))]
        [('a', 1)]
    """
    try:
        from google.protobuf import text_format  # type: ignore[import-untyped]
        from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig
    except ImportError as error:
        raise InputError(f"--model-config needs more packages: pip install 'captcha-keras[grpc]' ({error}).") from error
    try:
        config = text_format.Parse(path.read_text("utf-8"), ModelServerConfig())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    # A ParseError is none, nor is what Python says of numbers and escapes that make no text.
    except (text_format.ParseError, ValueError, RecursionError) as error:
        told = shorten(" ".join(str(error).split()), MAX_MESSAGE).rstrip(".")
        raise InputError(f"{path} is no ModelServerConfig in text format: {told}.") from error
    if config.HasField("custom_model_config"):
        raise InputError(f"{path} has a custom_model_config; expected a model_config_list.")
    models = [_model(each, path) for each in config.model_config_list.config]
    if not models:
        raise InputError(f"{path} lists no model; expected a model_config_list with at least one config.")
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{path} lists the model {name!r} more than once.")
    return models


def _model(config: Any, path: Path) -> ModelConfig:
    """The settings of a `ModelConfig` message; `path` is the file that has it."""
    where = f"{path}, model {config.name!r}"
    if not config.name:
        raise InputError(f"{path} has a model without a name.")
    # `model_type: TENSORFLOW` is what older files say.
    if (config.model_platform, config.model_type) not in ((PLATFORM, 0), ("", 1)):
        raise InputError(f"{where}: model_platform must be {PLATFORM!r}, got {config.model_platform!r}.")
    if not Path(config.base_path).is_absolute():
        raise InputError(f"{where}: base_path must be an absolute path, got {config.base_path!r}.")
    if config.HasField("logging_config"):
        raise InputError(f"{where}: this server has no logging_config.")
    return ModelConfig(config.name, Path(config.base_path), _policy(config, where), dict(config.version_labels))


def _policy(config: Any, where: str) -> VersionPolicy:
    policy = config.model_version_policy
    chosen = policy.WhichOneof("policy_choice")
    if chosen == "all":
        return VersionPolicy(latest=None)
    if chosen != "specific":
        return VersionPolicy(latest=max(policy.latest.num_versions, 1))
    if not policy.specific.versions:
        raise InputError(f"{where}: the policy specific names no versions.")
    return VersionPolicy(latest=None, specific=frozenset(policy.specific.versions))
