"""The embedded server: serves an exported model with TensorFlow Serving's interface, without TensorFlow Serving."""
