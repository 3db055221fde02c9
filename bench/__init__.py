"""Measurements, each a ratio against a named limit or rival in one run: `python -m bench [NAME ...]`."""
