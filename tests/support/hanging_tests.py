"""Hooks of pytest that end a process whose test ends neither by itself nor by its time limit.

pytest-timeout raises an exception in a test once, so it bounds no cleanup that waits after a
failure, and no call into C that never returns. A second limit prints the stacks of all threads and
exits; pytest-xdist then reports the test as failed.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Generator

import pytest
from pytest_timeout import Settings

# Of a test's own limit, so that this one is over only where that one has had no effect.
SHARE = 1.2
_LIMIT_S = pytest.StashKey[float]()
_STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real stderr, which is captured while a test runs."""
    config.stash[_STDERR] = os.dup(2)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close it."""
    os.close(config.stash[_STDERR])


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(
    item: pytest.Item, settings: Settings
) -> Generator[None, object, object]:
    """Bound a test with its fixtures."""
    item.stash[_LIMIT_S] = SHARE * settings.timeout
    _exit_later(item)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Bound the cleanup anew, since pytest drops the first limit when a test fails."""
    if _LIMIT_S in item.stash:
        _exit_later(item)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _exit_later(item: pytest.Item) -> None:
    faulthandler.dump_traceback_later(
        item.stash[_LIMIT_S], exit=True, file=item.config.stash[_STDERR]
    )
