"""A human says yes or no."""
