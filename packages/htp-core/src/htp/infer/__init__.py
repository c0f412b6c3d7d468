"""Inference: the shape, dtype and effects of every expression of a program."""
