"""Several trained networks on the same images."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from captcha_keras.evaluation.figures import Evaluation, evaluate
from captcha_keras.evaluation.images import images_to_evaluate
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.training.run_folder import RunFolder
from data_gen.fresh import FRESH_SEED


@dataclass(frozen=True)
class NetworkResult:
    """How well one network reads, and what it costs.

    Attributes:
        name: Name of its run.
        network: Name of the network.
        images: What it was measured on, in words.
        evaluation: How it reads.
        parameters: Number of its weights, those of normalisation included.
        epochs: Epochs of its training.
        minutes: Time of its training.
        images_per_second: How fast it reads, in batches.
        bytes_on_disk: Size of the saved network.

    Example:
        >>> import numpy as np
        >>> from captcha_keras.evaluation.figures import score
        >>> from captcha_keras.spec import CaptchaSpec
        >>> evaluation = score(np.array([[0], [1]]), np.array([[0], [0]]), CaptchaSpec("AB", 1, 1))
        >>> result = NetworkResult("run", "vgg", "2 images", evaluation, 425_719, 50, 12.5, 900.0, 5_203_117)
        >>> result.to_json()["evaluation"]["images"]["fraction"]
        0.5
    """

    name: str
    network: str
    images: str
    evaluation: Evaluation
    parameters: int
    epochs: int
    minutes: float
    images_per_second: float
    bytes_on_disk: int

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        return dataclasses.asdict(self)


def measure(
    run: RunFolder,
    *,
    fresh: int | None = None,
    fresh_seed: int = FRESH_SEED,
    progress: Callable[[str, int], Callable[[int], None]] | None = None,
) -> NetworkResult:
    """Measure a finished run on the test images of its data, or on newly drawn ones like them.

    Args:
        run: The run.
        fresh: Draw this many new images instead.
        fresh_seed: Their seed.
        progress: As `images_to_evaluate` has it.

    Raises:
        InputError: The run is not finished, or its data is gone.

    Example:
        >>> from pathlib import Path
        >>> from captcha_keras import CaptchaSpec, TrainConfig, train
        >>> from data_gen import Series, Settings, generate_dataset, processes
        >>> settings = Settings(Series(CaptchaSpec("01", 2, 2, 40, 24)), count=20)
        >>> drawn = generate_dataset(settings, Path("data"), engine=processes(1))
        >>> config = TrainConfig("data", "segmented_mlp", epochs=1, batch_size=4, precision="float32")
        >>> result = measure(train(config, "run"))  # doctest: +ELLIPSIS
        Run run: ...
        >>> result.images, result.epochs
        ('the 2 test images of data', 1)
    """
    network, spec = run.load_network(), run.read_spec()
    data = images_to_evaluate(run, fresh=fresh, fresh_seed=fresh_seed, progress=progress)
    evaluation = evaluate(Recognizer(network.predict_on_batch, spec), data)
    history = pd.read_csv(run.history_file)
    return NetworkResult(
        name=run.path.name,
        network=run.read_config().network,
        images=data.source,
        evaluation=evaluation,
        parameters=network.count_params(),
        epochs=len(history),
        minutes=float(history["seconds"].sum() / 60),
        images_per_second=1 / (evaluation.seconds_per_image or math.inf),
        bytes_on_disk=run.best_model.stat().st_size,
    )
