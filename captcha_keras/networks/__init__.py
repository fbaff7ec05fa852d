"""Network graphs: uint8 RGB images in, one named softmax head for each character position out."""

from captcha_keras.networks.registry import NETWORKS, build_network

__all__ = ["NETWORKS", "build_network"]
