"""Realised performance of a window, and decay."""
