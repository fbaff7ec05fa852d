"""Programs that run where a generator or a reader is installed, and nothing of this project."""
