"""Tracked runs port: read training runs and their files, and attach files to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from slipway.stages.ports.tables import PinnedTable


@dataclass(frozen=True)
class TrackedRun:
    """Logged content of a training run.

    Attributes:
        params: Parameters.
        metrics: Metrics.
        tags: Tags.
        tables: Tables that it was trained on.
        address: Address of its page.
    """

    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    tables: tuple[PinnedTable, ...]
    address: str


class TrackedRuns(Protocol):
    """Training runs of a tracking server, with their files.

    Every method raises `RegistryUnavailable` when the server does not answer.
    """

    def read(self, run_id: str) -> TrackedRun:
        """Read a run.

        Raises:
            NotFound: There is no such run.
        """

    def fetch(self, run_id: str, to: Path) -> list[str]:
        """Download a run's files to a folder; return their names."""

    def attach(self, run_id: str, folder: Path) -> None:
        """Add a folder's files to a run."""
