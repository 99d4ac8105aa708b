"""A census of the Python standard library: the demo."""
