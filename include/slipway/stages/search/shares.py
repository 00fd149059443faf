"""Divide the trials of a search among its workers by their numbers; pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """Trials that one process tries, of those that several workers share.

    The numbers of a worker are those with one remainder by the number of workers: no worker needs
    to know which of the others are alive, and a retry goes on with the same numbers.

    Attributes:
        workers: Number of workers.
        tried: Workers whose trials this process tries, from 1.
    """

    workers: int = 1
    tried: Collection[int] = (1,)

    @property
    def is_shared(self) -> bool:
        """Whether other processes may end trials meanwhile."""
        return self.workers > 1

    def holds(self, number: int) -> bool:
        """Return whether a trial is to be tried by this process."""
        return number % self.workers + 1 in self.tried


WHOLE = Share()
"""Share of a search without workers: all trials."""
