"""TensorFlow Serving's JSON: requests parsed, answers written."""
