"""Images a second of one training step: our networks against the same `mathematica` in PyTorch.

python -m benchmarks.training_speed      (needs the extra "bench": PyTorch)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from benchmarks.measure import Subject, interleaved, options, report

# One batch size for everyone: it decides much of the speed.
BATCH = 64


def batch(count: int) -> tuple[Any, Any]:
    """Random images and labels; the arithmetic does not depend on their values."""
    import numpy as np

    from captcha_keras.spec import CaptchaSpec

    spec = CaptchaSpec()
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, spec.height, spec.width, 3), np.uint8)
    return images, random.integers(0, spec.num_classes, (count, spec.max_length)).astype(np.int32)


def keras_step(name: str, precision: str, batch_size: int, steps: int) -> Callable[[], int]:
    """Steps as `train.py` makes them, on a batch that is already there."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    import keras
    import tensorflow as tf

    from captcha_keras.networks.heads import stacked_logits
    from captcha_keras.networks.registry import build_network
    from captcha_keras.spec import CaptchaSpec
    from captcha_keras.training.devices import precision_policy, select_device
    from captcha_keras.training.optimizer import RampedAdam

    policy = precision_policy(precision, select_device(gpu=False))
    spec = CaptchaSpec()
    model = stacked_logits(build_network(name, spec, keras.DTypePolicy(policy)), spec)
    model.compile(
        RampedAdam(warmup_steps=300, total_steps=10_000, anneal=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.make_train_function()
    stream = iter(tf.data.Dataset.from_tensors(batch(batch_size)).repeat())
    for _ in range(3):
        model.train_function(stream)

    def work() -> int:
        for _ in range(steps):
            model.train_function(stream)
        return steps * batch_size

    return work


def torch_step(half: bool, channels_last: bool, batch_size: int, steps: int) -> Callable[[], int]:
    """`mathematica` in PyTorch: same layers, same loss, Adam."""
    import torch
    from torch import nn

    images, labels = batch(batch_size)
    layers: list[nn.Module] = []
    channels = 3
    for filters in (32, 64, 128, 256):
        layers += [nn.Conv2d(channels, filters, 3), nn.Conv2d(filters, filters, 3), nn.MaxPool2d(2)]
        channels = filters
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(1536, 4 * 36), nn.Unflatten(1, (4, 36)))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if parameters != 1_393_584:
        raise RuntimeError(f"expected the 1,393,584 parameters of mathematica, built {parameters:,}")
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = model.to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    truth = torch.from_numpy(labels).long()

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            logits = model(pixels.float() / 255)
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), truth.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    for _ in range(2):
        step()

    def work() -> int:
        for _ in range(steps):
            step()
        return steps * batch_size

    return work


def main() -> None:
    """Measure and report."""
    given = options(__doc__, steps=10, repeats=5)
    size, steps = BATCH, given.steps
    subjects: dict[str, Subject] = {
        f"{name}, Keras, {precision}": (keras_step, (name, precision, size, steps))
        for name in ("mathematica", "vgg")
        for precision in ("bfloat16", "float32")
    }
    subjects |= {
        f"mathematica, PyTorch, {'bfloat16' if half else 'float32'}{', channels_last' if last else ''}": (
            torch_step,
            (half, last, size, steps),
        )
        for half in (True, False)
        for last in (True, False)
    }
    rates = interleaved(subjects, given.repeats)
    report("training_speed", rates, "mathematica, Keras, bfloat16", ["tensorflow", "keras", "torch"])


if __name__ == "__main__":
    main()
