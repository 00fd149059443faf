"""Fakes, each held to the contract tests of the adapter that it replaces."""
