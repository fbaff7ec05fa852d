"""Trained networks in the formats that others run."""

from captcha_keras.export.portable import Comparison, LabelledPixels, export_litert, export_onnx
from captcha_keras.export.saved_model import export_saved_model, read_spec

__all__ = ["Comparison", "LabelledPixels", "export_litert", "export_onnx", "export_saved_model", "read_spec"]
