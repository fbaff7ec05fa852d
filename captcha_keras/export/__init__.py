"""Export of trained networks for other runtimes: SavedModel, ONNX, LiteRT."""
