"""The versions of a model on disk, of which the latest is served, as TF Serving does.

A folder whose name is a number is a version; it is complete when it has that name (`captcha-keras export` renames it
into place). A new one is loaded before the old one is let go, and one that cannot be loaded leaves the old one in
service.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from captcha_keras.errors import CommandError, InputError
from captcha_keras.recognizer.locate import versions
from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.model import ServedModel, load_model

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class VersionStatus:
    """What became of a version.

    Attributes:
        version: Its number.
        state: LOADING, AVAILABLE or END, as in TF Serving's `ModelVersionStatus`.
        error: Why it could not be loaded; "" if it could.
    """

    version: int
    state: str
    error: str = ""


class ModelRepository:
    """A model's folder; `poll` brings its latest version into service.

    Args:
        path: The folder of the versions.
        name: The name that the model is served by.
        load: Makes a model of a version's folder; may raise `CommandError` or `InputError`.
    """

    def __init__(self, path: Path, name: str, load: Callable[[Path], ServedModel] = load_model) -> None:
        self.path = path
        self.name = name
        self._load = load
        self._polling = threading.Lock()
        self._current: ServedModel | None = None
        self._states: dict[int, VersionStatus] = {}

    @property
    def serving(self) -> bool:
        """Whether a version is in service."""
        return self._current is not None

    @property
    def states(self) -> list[VersionStatus]:
        """What became of each version that was seen, the latest first."""
        return sorted(self._states.values(), key=lambda status: status.version, reverse=True)

    @property
    def current(self) -> ServedModel:
        """The model in service.

        Raises:
            RequestError: There is none yet.
        """
        model = self._current
        if model is None:
            raise self._not_found(self.name, None)
        return model

    def poll(self) -> bool:
        """Look for a version later than the one in service, and load it; returns whether the service changed."""
        with self._polling:
            serving = self._current.version if self._current else 0
            for version, path in sorted(versions(self.path).items(), reverse=True):
                if version <= serving:
                    break
                # A version that failed is not tried again: it never changes once it has its name.
                if version not in self._states and self._swap(version, path):
                    return True
            return False

    def status(self, name: str, version: int | None) -> list[VersionStatus]:
        """The status of one version, or of all, the latest first.

        Raises:
            RequestError: There is no such model or version.
        """
        states = self.states if name == self.name else []
        if version is None and not states:
            raise RequestError(Code.NOT_FOUND, f"Could not find any versions of model {name}")
        found = [status for status in states if version in (None, status.version)]
        if not found:
            raise RequestError(Code.NOT_FOUND, f"Could not find version {version} of model {name}")
        return found

    def find(self, name: str, version: int | None = None, label: str | None = None) -> ServedModel:
        """The model in service, if a request means it.

        Raises:
            RequestError: It means another one.
        """
        if label is not None:
            raise invalid(f"Unrecognized servable version label: {label}")
        model = self._current
        if model is None or name != self.name or version not in (None, model.version):
            raise self._not_found(name, version)
        return model

    def _swap(self, version: int, path: Path) -> bool:
        self._set(version, "LOADING")
        try:
            model = self._load(path)
        except (CommandError, InputError) as error:
            self._set(version, "END", str(error))
            LOG.error("version not loaded", extra={"fields": {"version": version, "error": str(error)}})
            return False
        before, self._current = self._current, model
        self._set(version, "AVAILABLE")
        if before is not None:
            # Requests that are under way hold the old model until they are answered.
            self._set(before.version, "END")
        LOG.info("version in service", extra={"fields": {"version": version}})
        return True

    def _set(self, version: int, state: str, error: str = "") -> None:
        # A new dictionary: other threads read the old one meanwhile.
        self._states = {**self._states, version: VersionStatus(version, state, error)}

    @staticmethod
    def _not_found(name: str, version: int | None) -> RequestError:
        meant = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        return RequestError(Code.NOT_FOUND, f"Servable not found for request: {meant}")
