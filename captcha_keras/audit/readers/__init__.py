"""Readers that need no label: `models/any`, ready-made ones where they are installed, and those of other packages."""
