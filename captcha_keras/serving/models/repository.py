"""The models that a server serves, by the names, versions and labels of requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from captcha_keras.errors import CommandError, InputError
from captcha_keras.recognizer.pretrained import versions
from captcha_keras.serving.errors import Code, RequestError, invalid
from captcha_keras.serving.models.model import ServedModel, load_model
from captcha_keras.serving.models.model_config import ModelConfig
from captcha_keras.serving.models.versions import ModelVersions, Retries, VersionStatus


class ModelRepository:
    """The models of one server.

    Args:
        models: The models, at least one; the first one is that of the page and of `/recognize`.
        load: Loads a version from its folder.
        retries: How often a version that fails to load is tried again.

    Example:
        >>> from captcha_keras.recognizer.pretrained import pretrained_path
        >>> class Fake:  # in place of a ServedModel
        ...     def __init__(self, path): self.version = int(path.name)
        >>> config = ModelConfig("captcha", pretrained_path("captcha"), labels={"stable": 1})
        >>> repository = ModelRepository([config], load=Fake)
        >>> repository.poll(), repository.current.version, repository.find("captcha", label="stable").version
        (True, 1, 1)
    """

    def __init__(
        self,
        models: Sequence[ModelConfig],
        load: Callable[[Path], ServedModel] = load_model,
        retries: Retries = Retries(),  # noqa: B008
    ) -> None:
        self._models = {config.name: ModelVersions(config, load, retries) for config in models}
        self._first = models[0].name

    @property
    def serving(self) -> bool:
        """Whether each model has a version in service."""
        return all(model.find() for model in self._models.values())

    @property
    def current(self) -> ServedModel:
        """The latest version in service of the first model.

        Raises:
            RequestError: There is none.
        """
        return self.find(self._first)

    def poll(self) -> bool:
        """Look for new versions of each model; returns whether other versions are in service now."""
        changes = [model.poll() for model in self._models.values()]
        return any(changes)

    def check_serving(self) -> None:
        """Check that each model has a version in service.

        Raises:
            InputError: The folder of one has no version that may be served.
            CommandError: A version cannot be loaded.
        """
        for model in self._models.values():
            config = model.config
            if model.find() is not None:
                continue
            if model.error:
                raise CommandError(model.error)
            if versions(config.path):
                raise InputError(f"{config.path} holds none of the versions of {config.name!r} that are to be served.")
            raise InputError(
                f"{config.path} holds no exported model; write one with captcha-keras export --to {config.path}."
            )

    def versions_in_service(self) -> dict[str, int]:
        """The latest version in service of each model that has one, by the model's name."""
        latest = {name: model.find() for name, model in self._models.items()}
        return {name: model.version for name, model in latest.items() if model is not None}

    def status(self, name: str, version: int | None = None) -> list[VersionStatus]:
        """The state of one version, or of all, the latest first.

        Args:
            name: The model's name in the request.
            version: The number of the version; None for all.

        Raises:
            RequestError: There is no such model or version.
        """
        states = self._models[name].states if name in self._models else []
        if version is None and not states:
            raise RequestError(Code.NOT_FOUND, f"Could not find any versions of model {name}")
        found = [status for status in states if version in (None, status.version)]
        if not found:
            raise RequestError(Code.NOT_FOUND, f"Could not find version {version} of model {name}")
        return found

    def find(self, name: str, version: int | None = None, label: str | None = None) -> ServedModel:
        """The version that a request asks for; the latest in service if it names none.

        Args:
            name: The model's name in the request.
            version: The number of the version in the request, if it has one.
            label: The label of the version in the request, if it has one.

        Raises:
            RequestError: There is no such model or label, or the version is not in service.
        """
        if not name:
            raise invalid("ModelSpec has no name specified.")
        model = self._models.get(name)
        if label is not None:
            labels = model.config.labels if model else {}
            if label not in labels:
                raise invalid(f"Unrecognized servable version label: {label}")
            version = labels[label]
        found = model.find(version) if model else None
        if found is None:
            asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise RequestError(Code.NOT_FOUND, f"Servable not found for request: {asked}")
        return found
