"""The versions of one model on disk and in memory, as with TF Serving.

A folder whose name is a number is a version. It is complete once it has that name: `captcha-keras export` renames it
into place. A version is loaded before the one that it replaces is let go.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from captcha_keras.errors import CommandError, InputError
from captcha_keras.recognizer.pretrained import versions
from captcha_keras.serving.models.model import ServedModel, load_model
from captcha_keras.serving.models.model_config import ModelConfig

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class VersionStatus:
    """The state of a version.

    Attributes:
        version: The version's number.
        state: START, LOADING, AVAILABLE, UNLOADING (requests under way still use it) or END, as in TF Serving's
            `ModelVersionStatus`.
        error: Why the version could not be loaded, once it is no longer tried; else "".

    Example:
        >>> VersionStatus(1, "AVAILABLE").error
        ''
    """

    version: int
    state: str
    error: str = ""


@dataclass(frozen=True)
class Retries:
    """How often a version that fails to load is tried again.

    Attributes:
        most: The tries after the first one.
        interval: Seconds between two tries.

    Example:
        >>> Retries().interval
        60.0
    """

    most: int = 5
    interval: float = 60.0


@dataclass(frozen=True)
class _Failure:
    error: str
    tries: int
    # When it is tried again; None for never.
    again: float | None


class ModelVersions:
    """The versions of one model, of which `poll` brings those into service that the model's policy chooses.

    Args:
        config: The model.
        load: Loads a version from its folder.
        retries: How often a version that fails to load is tried again.

    Attributes:
        config: The model.

    Example:
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> class Fake:  # in place of a ServedModel
        ...     def __init__(self, path): self.version = int(path.name)
        >>> models = ModelVersions(ModelConfig("captcha", pretrained_path("captcha")), load=Fake)
        >>> models.poll(), models.find().version, models.states
        (True, 1, [VersionStatus(version=1, state='AVAILABLE', error='')])
    """

    def __init__(
        self,
        config: ModelConfig,
        load: Callable[[Path], ServedModel] = load_model,
        retries: Retries = Retries(),
    ) -> None:
        self.config = config
        self._load = load
        self._retries = retries
        self._polling = threading.Lock()
        # Other threads may be reading these three: each change makes a new dictionary.
        self._models: dict[int, ServedModel] = {}
        self._failures: dict[int, _Failure] = {}
        self._states: dict[int, VersionStatus] = {}
        # Requests under way hold a version that was let go; nothing else does.
        self._leaving: dict[int, weakref.ref[ServedModel]] = {}

    @property
    def states(self) -> list[VersionStatus]:
        """The state of each version that was found, the latest first."""
        return [
            replace(status, state="END") if status.state == "UNLOADING" and self._has_left(version) else status
            for version, status in sorted(self._states.items(), reverse=True)
        ]

    @property
    def error(self) -> str:
        """Why the latest of the versions that cannot be loaded cannot; "" if there is none."""
        failures = self._failures
        return failures[max(failures)].error if failures else ""

    def find(self, version: int | None = None) -> ServedModel | None:
        """A version in service, the latest by default; None if it is not in service."""
        models = self._models
        return models.get(max(models, default=0) if version is None else version)

    def poll(self) -> bool:
        """Look at the folder, load and let go; returns whether other versions are in service now.

        A version that cannot be loaded is passed over for the next one, and tried again later. If the folder itself is
        gone, nothing changes. If it has no version any more, none is in service.
        """
        with self._polling:
            before = self._models
            if self.config.path.is_dir():
                self._follow(versions(self.config.path))
            return self._models is not before

    def _follow(self, found: dict[int, Path]) -> None:
        choose = self.config.policy.choose
        for version in self._failures.keys() - found.keys():
            self._set(version, "END", self._failures[version].error)
        self._failures = {version: failure for version, failure in self._failures.items() if version in found}
        for version in choose(found):
            if version not in self._models and version not in self._failures:
                self._set(version, "START")
        while (missing := self._next_to_load(found)) is not None:
            self._bring_into_service(missing, found[missing])
        wanted = choose(found.keys() - self._failures.keys())
        # As in TF Serving, the last version is kept while those that should replace it cannot be loaded.
        if not choose(found) or not self._models.keys().isdisjoint(wanted):
            for version in self._models.keys() - wanted:
                self._let_go(version)

    def _next_to_load(self, found: dict[int, Path]) -> int | None:
        choose = self.config.policy.choose
        wanted = {*choose(found), *choose(found.keys() - self._failures.keys())}
        return max(filter(self._may_load, wanted - self._models.keys()), default=None)

    def _may_load(self, version: int) -> bool:
        failure = self._failures.get(version)
        return failure is None or (failure.again is not None and failure.again <= time.monotonic())

    def _bring_into_service(self, version: int, path: Path) -> None:
        self._set(version, "LOADING")
        try:
            model = self._load(path)
        except Exception as error:  # what is in service stays there, whatever it is
            self._fail(version, error)
            return
        self._failures = {other: failure for other, failure in self._failures.items() if other != version}
        self._models = {**self._models, version: model}
        self._set(version, "AVAILABLE")
        LOG.info("version in service", extra={"fields": {"model": self.config.name, "version": version}})

    def _fail(self, version: int, error: Exception) -> None:
        tries = self._failures[version].tries + 1 if version in self._failures else 1
        again = time.monotonic() + self._retries.interval if tries <= self._retries.most else None
        self._failures = {**self._failures, version: _Failure(str(error), tries, again)}
        if again is None:
            self._set(version, "END", str(error))
        fields = {"model": self.config.name, "version": version, "error": str(error), "tries": tries}
        foreseen = isinstance(error, CommandError | InputError)
        LOG.error("version not loaded", exc_info=None if foreseen else error, extra={"fields": fields})

    def _let_go(self, version: int) -> None:
        self._leaving[version] = weakref.ref(self._models[version])
        self._set(version, "UNLOADING")
        self._models = {other: model for other, model in self._models.items() if other != version}
        LOG.info("version out of service", extra={"fields": {"model": self.config.name, "version": version}})

    def _has_left(self, version: int) -> bool:
        return self._leaving[version]() is None

    def _set(self, version: int, state: str, error: str = "") -> None:
        self._states = {**self._states, version: VersionStatus(version, state, error)}
