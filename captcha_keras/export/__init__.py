"""Trained networks in the formats that others run: SavedModel, ONNX, LiteRT."""
