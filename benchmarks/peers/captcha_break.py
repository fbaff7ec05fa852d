"""The multi-head CNN of ypwhs/captcha_break, trained as ours is.

python -m benchmarks.peers.captcha_break --epochs 7 --run runs/captcha_break

Built from its description (https://github.com/ypwhs/captcha_break, `cnn_2019`): five blocks of two 3x3 convolutions,
each with batch normalisation and ReLU, and a 2x2 pooling; 32, 64, 128, 256 and 256 filters; one softmax a character.
Data, augmentation, optimizer and its schedule, precision and seeds are those of `train.py`: only the network differs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
from keras import layers

from captcha_keras.networks.heads import softmax_heads
from captcha_keras.networks.registry import NETWORKS, Network
from captcha_keras.spec import CaptchaSpec
from captcha_keras.training.config import TrainConfig
from captcha_keras.training.run_folder import RunFolder
from captcha_keras.training.trainer import train

FILTERS = (32, 64, 128, 256, 256)


def captcha_break(spec: CaptchaSpec, dtype: keras.DTypePolicy | str = "float32") -> keras.Model:
    """2,653,360 parameters at 128x64 with 36 classes and 4 characters."""
    inputs = keras.Input((spec.height, spec.width, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, dtype="float32", name="scale")(inputs)
    for filters in FILTERS:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_uniform", dtype=dtype)(x)
            x = layers.BatchNormalization(dtype=dtype)(x)
            x = layers.Activation("relu", dtype=dtype)(x)
        x = layers.MaxPooling2D(2, dtype=dtype)(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    return softmax_heads(inputs, x, spec, "captcha_break")


def backbone_side(side: int) -> int:
    """Side of the feature map that an image side leaves."""
    return side >> len(FILTERS)


def register() -> None:
    """Let `train` find the network by its name."""
    NETWORKS["captcha_break"] = Network(captcha_break, backbone_side)


def main() -> None:
    """Train, or go on with an interrupted training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/captcha", metavar="DIR", help="%(default)s")
    parser.add_argument("--epochs", type=int, default=7, metavar="N", help="%(default)s")
    parser.add_argument("--run", default="runs/captcha_break", metavar="DIR", help="%(default)s")
    given = parser.parse_args()
    register()
    run = RunFolder(Path(given.run))
    resume = run.config_file.exists()
    config = run.read_config() if resume else TrainConfig(given.data, "captcha_break", epochs=given.epochs)
    train(config, run, resume=resume)


if __name__ == "__main__":
    main()
