"""How well a network reads: figures, tables, plots, and on which images."""
