"""Drift of a window's features and scores from the reference."""
