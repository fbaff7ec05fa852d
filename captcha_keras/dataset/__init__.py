"""Data sets: the folder's own format and others, decoding with its checks, the split."""
