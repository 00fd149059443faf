"""The long tests stand on what the tests of serving stand on."""

from tests.serving.conftest import versions

__all__ = ["versions"]
