"""Keras networks: uint8 RGB images in, one named softmax head for each character position out."""
