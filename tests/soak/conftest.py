"""Fixtures of the serving tests, for the long tests."""

from tests.serving.conftest import versions

__all__ = ["versions"]
