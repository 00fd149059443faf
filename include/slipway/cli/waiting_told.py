"""Print on stderr for which other rollout a command waits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from slipway.stages.rollout.lease_wait import logger


@contextmanager
def waiting_told() -> Iterator[None]:
    """Print what the wait for a rollout's lease logs, which a shell shows nowhere else."""
    shown, level = logging.StreamHandler(), logger.level
    logger.addHandler(shown)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(shown)
        logger.setLevel(level)
