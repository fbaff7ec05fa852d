"""Data sets: the folder's format and the foreign layouts, decoding with its checks, the split."""

from captcha_keras.dataset.layouts import open_dataset
from captcha_keras.dataset.load import load
from captcha_keras.dataset.records import Dataset, Record
from captcha_keras.dataset.split import Split, split

__all__ = ["Dataset", "Record", "Split", "load", "open_dataset", "split"]
