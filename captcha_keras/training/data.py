"""What a training learns from and is validated on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from captcha_keras.dataset.dataset import Dataset
from captcha_keras.dataset.labelled import LabelledImages
from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.dataset.load import Allocate
from captcha_keras.dataset.split import Split
from captcha_keras.errors import InputError
from captcha_keras.networks.registry import Network
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.run_folder import RunFolder


@dataclass(frozen=True)
class TrainingData:
    """A data set, the spec of the network that reads it, and its split.

    Attributes:
        dataset: The data set.
        spec: The spec of the network that reads it.
        split: Which images are for training, for validation and for the test.

    Example:
        >>> from pathlib import Path
        >>> from captcha_keras.dataset.load import in_memory
        >>> from captcha_keras.networks.registry import find_network
        >>> from data_gen import Series, Settings, generate_dataset, processes
        >>> settings = Settings(Series(CaptchaSpec("01", 2, 2, 40, 24)), count=20)
        >>> drawn = generate_dataset(settings, Path("data"), engine=processes(1))
        >>> data = open_data(TrainConfig("data"), "data", find_network("vgg"))
        >>> training, validation = data.load(in_memory)
        >>> training.images.shape, validation.labels.shape
        ((16, 24, 40, 3), (2, 2))
    """

    dataset: Dataset
    spec: CaptchaSpec
    split: Split

    def load(
        self,
        allocate: Allocate,
        *,
        training: bool = True,
        progress: Callable[[str, int], Callable[[int], None]] | None = None,
    ) -> tuple[LabelledImages, LabelledImages]:
        """Decode the training and the validation images.

        All images are decoded in one pass, so that every bad file is reported at once; those for the test are only
        checked.

        Args:
            allocate: Makes the image array from its shape.
            training: Whether the training images are needed.
            progress: Called with what is done and its number of steps; returns what is told how many are done.

        Raises:
            DatasetError: At least one file or label is bad.
        """
        train = self.split.train if training else self.split.train[:0]
        indices = np.concatenate([train, self.split.validation, self.split.test])
        done = progress("Decoding", len(indices)) if progress else None
        data = self.dataset.images(self.spec, indices=indices, allocate=allocate, progress=done)
        return data[: len(train)], data[len(train) : len(train) + len(self.split.validation)]


def open_data(config: TrainConfig, folder: str, network: Network) -> TrainingData:
    """Open a data set as the settings say.

    Args:
        config: The settings: the alphabet and the split.
        folder: The folder of the data set.
        network: The network that is to read it.

    Raises:
        DatasetError: There is none, or it is too small to be split.

    Example:
        >>> from pathlib import Path
        >>> from captcha_keras.networks.registry import find_network
        >>> from data_gen import Series, Settings, generate_dataset, processes
        >>> settings = Settings(Series(CaptchaSpec("01", 2, 2, 40, 24)), count=20)
        >>> drawn = generate_dataset(settings, Path("data"), engine=processes(1))
        >>> for network in ("vgg", "segmented_mlp"):  # a network that cuts may find fewer
        ...     open_data(TrainConfig("data"), "data", find_network(network)).spec.length
        '2'
        '1-2'
    """
    dataset = open_dataset(folder)
    parts = config.split(len(dataset))
    return TrainingData(dataset, network.output_spec(dataset.infer_spec(config.alphabet)), parts)


def recorded_split(run: RunFolder, dataset: Dataset) -> Split:
    """The split of the data set that a run was trained with.

    Raises:
        InputError: The data set is another one, or is split otherwise here.

    Example:
        >>> from pathlib import Path
        >>> from captcha_keras.training.job import check_job
        >>> from data_gen import Series, Settings, generate_dataset, processes
        >>> settings = Settings(Series(CaptchaSpec("01", 2, 2, 40, 24)), count=20)
        >>> drawn = generate_dataset(settings, Path("data"), engine=processes(1))
        >>> run, config = RunFolder(Path()), TrainConfig("data", split_seed=7)
        >>> run.write_record(check_job(config, RunFolder(Path("run"))).record())
        >>> recorded_split(run, open_dataset("data")).digest() == config.split(20).digest()
        True
    """
    record, config = run.read_record()["dataset"], run.read_config()
    if record["fingerprint"] != dataset.fingerprint():
        raise InputError(f"{dataset.folder} is not the data set that {run.path} was trained on.")
    parts = config.split(len(dataset))
    if record.get("split", parts.digest()) != parts.digest():
        raise InputError(
            f"NumPy {np.__version__} splits {dataset.folder} otherwise than where {run.path} was trained, so its test "
            "images are unknown; take --split all."
        )
    return parts


def with_classes_of(captchas: TrainingData, characters: TrainingData) -> TrainingData:
    """The data of the CAPTCHAs, with the alphabet of the single characters that their network learns from.

    Raises:
        InputError: The characters are none, or lack one that the CAPTCHAs have.

    Example:
        >>> from pathlib import Path
        >>> split = TrainConfig().split(20)
        >>> captchas = TrainingData(Dataset(Path("captchas"), ()), CaptchaSpec("01", 2, 2), split)
        >>> characters = TrainingData(Dataset(Path("characters"), ()), CaptchaSpec("012", 1, 1), split)
        >>> spec = with_classes_of(captchas, characters).spec
        >>> spec.alphabet, spec.max_length
        ('012', 2)
    """
    folder, known = characters.dataset.folder, characters.spec.alphabet
    if characters.spec.max_length > 1:
        raise InputError(f"{folder} has texts of {characters.spec.length} characters, expected single ones.")
    unknown = sorted(set(captchas.spec.alphabet) - set(known))
    if unknown:
        raise InputError(f"{folder} has no {', '.join(unknown)}, which {captchas.dataset.folder} has.")
    return replace(captchas, spec=replace(captchas.spec, alphabet=known))
