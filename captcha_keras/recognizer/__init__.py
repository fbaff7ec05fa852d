"""A trained network that reads images: where it is, the formats it is in, what it answers."""
