"""Turns decoded images into training batches: where the images live, how they are distorted and batched."""
