"""The models in service and their versions on disk."""
