"""The versions of a model on disk, of which the latest is in service, as with TF Serving.

A folder whose name is a number is a version. It is complete once it has that name: `captcha-keras export` renames it
into place. The server loads a new version before it lets the old one go. If a version cannot be loaded, the old one
stays in service.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from captcha_keras.errors import CommandError, InputError
from captcha_keras.recognizer.pretrained import versions
from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.model import ServedModel, load_model

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class VersionStatus:
    """The state of a version.

    Attributes:
        version: The version's number.
        state: LOADING, AVAILABLE or END, as in TF Serving's `ModelVersionStatus`.
        error: Why the version could not be loaded; "" if it could.

    Example:
        >>> VersionStatus(1, "AVAILABLE").error
        ''
    """

    version: int
    state: str
    error: str = ""


class ModelRepository:
    """The folder of a model's versions, of which `poll` brings the latest into service.

    Args:
        path: The folder of the versions.
        name: The model's name in requests.
        load: Loads a version from its folder; may raise `CommandError` or `InputError`.

    Example:
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> class Fake:  # in place of a ServedModel
        ...     def __init__(self, path): self.version = int(path.name)
        >>> repository = ModelRepository(pretrained_path("captcha"), "captcha", load=Fake)
        >>> repository.poll(), repository.current.version, repository.states
        (True, 1, [VersionStatus(version=1, state='AVAILABLE', error='')])
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
        """The state of each version that was found, the latest first."""
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
        """Load a later version than the one in service, if there is one; returns whether it is in service now."""
        with self._polling:
            serving = self._current.version if self._current else 0
            for version, path in sorted(versions(self.path).items(), reverse=True):
                if version <= serving:
                    break
                # A version that failed is not tried again: it never changes once it has its name.
                if version not in self._states and self._bring_into_service(version, path):
                    return True
            return False

    def status(self, name: str, version: int | None) -> list[VersionStatus]:
        """The state of one version, or of all, the latest first.

        Args:
            name: The model's name in the request.
            version: The number of the version; None for all.

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
        """The model in service, if a request asks for it.

        Args:
            name: The model's name in the request.
            version: The number of the version in the request, if it has one.
            label: The label of the version in the request, if it has one; this server has no labels.

        Raises:
            RequestError: The request asks for another model or version.
        """
        if label is not None:
            raise invalid(f"Unrecognized servable version label: {label}")
        model = self._current
        if model is None or name != self.name or version not in (None, model.version):
            raise self._not_found(name, version)
        return model

    def _bring_into_service(self, version: int, path: Path) -> bool:
        self._set(version, "LOADING")
        try:
            model = self._load(path)
        except (CommandError, InputError) as error:
            self._set(version, "END", str(error))
            LOG.error("version not loaded", extra={"fields": {"version": version, "error": str(error)}})
            return False
        previous, self._current = self._current, model
        self._set(version, "AVAILABLE")
        if previous is not None:
            # Requests under way hold the old model until they are answered.
            self._set(previous.version, "END")
        LOG.info("version in service", extra={"fields": {"version": version}})
        return True

    def _set(self, version: int, state: str, error: str = "") -> None:
        # A new dictionary: other threads may be reading the old one.
        self._states = {**self._states, version: VersionStatus(version, state, error)}

    @staticmethod
    def _not_found(name: str, version: int | None) -> RequestError:
        asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        return RequestError(Code.NOT_FOUND, f"Servable not found for request: {asked}")
