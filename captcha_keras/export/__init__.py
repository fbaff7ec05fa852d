"""Trained networks in the formats that others run."""

from captcha_keras.export.saved_model import export_saved_model, read_spec

__all__ = ["export_saved_model", "read_spec"]
