"""Serving an exported model without TensorFlow Serving, with its interface."""
