"""Guess the specs of a dataset and a model from a file: pure functions of what was measured."""
