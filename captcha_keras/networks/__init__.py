"""Network graphs: uint8 RGB images in, one named softmax head for each character position out."""

from captcha_keras.networks.registry import NETWORKS, Network, build_network, find_network

__all__ = ["NETWORKS", "Network", "build_network", "find_network"]
