"""Images a second that each network reads in batches, and what the former way of measuring says.

python -m benchmarks.reading_speed

The images are new ones of the default spec, and of texts of 4 to 8 characters. The weights are random: speed does not
depend on them. TensorFlow traces a network anew for each batch size. The former way warmed up with the first full batch
alone, so that the trace for a smaller last batch counted as reading time. `Recognizer.timed_probabilities` warms up
both sizes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import environment, options, write_results
from captcha_keras.dataset.batching import INFERENCE_BATCH_SIZE
from captcha_keras.networks.registry import build_network, find_network, list_networks
from captcha_keras.recognizer.recognizer import Recognizer
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.devices import select_device
from data_gen import Series

LONG = CaptchaSpec(min_length=4, max_length=8, width=340)
LONG_NETWORKS = ("vgg", "segmented_lenet")
# No multiple of the batch size; a fifth of it has a last batch of the same size.
COUNT = 3_200
SLOW, SLOW_DIVISOR = ("single_head",), 5

Row = dict[str, float]


@dataclass(frozen=True)
class Subject:
    """A network that reads images of a spec, so many in a turn."""

    network: str
    spec: CaptchaSpec
    count: int

    @property
    def name(self) -> str:
        """Name of its row."""
        return self.network if self.spec != LONG else f"{self.network}, {self.spec.width}x{self.spec.height}"

    def new_recognizer(self) -> Recognizer:
        """The network with random weights; it has read nothing yet."""
        spec = find_network(self.network).output_spec(self.spec)
        return Recognizer(build_network(self.network, spec).predict_on_batch, spec)


def subjects(count: int) -> list[Subject]:
    """Every network on the default spec, and two on longer texts."""
    usual = [Subject(name, CaptchaSpec(), count // (SLOW_DIVISOR if name in SLOW else 1)) for name in list_networks()]
    return usual + [Subject(name, LONG, count) for name in LONG_NETWORKS]


def measure(measured: Sequence[Subject], repeats: int) -> dict[str, Row]:
    """Let networks take turns, so that a slow moment of the machine hits all.

    Args:
        measured: What is measured.
        repeats: Turns of each.

    Returns:
        A row for each network: medians, and the range of the turns.
    """
    images = {spec: drawn(spec, max(each.count for each in measured)) for spec in {each.spec for each in measured}}
    turns: dict[str, list[tuple[float, float]]] = {each.name: [] for each in measured}
    for turn in range(repeats):
        for each in measured:
            keras.utils.clear_session()
            turns[each.name].append(rates(each.new_recognizer(), images[each.spec][: each.count]))
        print(f"turn {turn + 1} of {repeats} done", flush=True)
    return {each.name: row(each.count, turns[each.name]) for each in measured}


def drawn(spec: CaptchaSpec, count: int) -> NDArray[np.uint8]:
    """New images of a spec."""
    source = Series(spec, "reading speed").source()
    return np.stack([np.asarray(source.image(index)[1]) for index in range(count)])


def rates(recognizer: Recognizer, images: NDArray[np.uint8]) -> tuple[float, float]:
    """Images a second of a recognizer that has read nothing yet: as they are measured, and in the former way."""
    # The former way comes first: after it the network is traced for every batch size.
    recognizer.probabilities(images[:INFERENCE_BATCH_SIZE])
    begin = time.perf_counter()
    recognizer.probabilities(images)
    former = len(images) / (time.perf_counter() - begin)
    _, seconds_per_image = recognizer.timed_probabilities(images)
    return 1 / seconds_per_image, former


def row(count: int, turns: Sequence[tuple[float, float]]) -> Row:
    """The figures of a network; the ratio is the median of the ratios turn by turn."""
    now, former = zip(*turns, strict=True)
    return {
        "images": count,
        "images_per_second": statistics.median(now),
        "lowest": min(now),
        "highest": max(now),
        "former_images_per_second": statistics.median(former),
        "former_to_now": statistics.median(before / after for after, before in turns),
    }


def table(rows: Mapping[str, Row]) -> str:
    """The rows as text."""
    lines = [f"{'':26}{'images':>8}{'images/s':>10}{'lowest':>9}{'highest':>9}{'former way':>12}{'ratio':>8}"]
    lines += [
        f"{name:26}{figures['images']:8,}{figures['images_per_second']:10,.0f}{figures['lowest']:9,.0f}"
        f"{figures['highest']:9,.0f}{figures['former_images_per_second']:12,.0f}{figures['former_to_now']:8.0%}"
        for name, figures in rows.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and report."""
    given = options(__doc__, count=COUNT, repeats=7)
    select_device(gpu=False)
    rows = measure(subjects(given.count), given.repeats)
    where = environment(["tensorflow", "keras"])
    print(f"\n{where['processor']}, {where['date']}, median of {given.repeats} turns\n\n{table(rows)}")
    write_results(
        "reading_speed", {**where, "batch_size": INFERENCE_BATCH_SIZE, "repeats": given.repeats, "rows": rows}
    )


if __name__ == "__main__":
    main()
