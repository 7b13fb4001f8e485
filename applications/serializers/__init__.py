"""Shapes: `applications` (rows, details, input), `stage`, `securities`."""
