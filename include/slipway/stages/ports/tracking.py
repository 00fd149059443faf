"""Tracking port: training runs and the models that they log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

from slipway.stages.ports.tables import PinnedTable


class Tracking(Protocol):
    """Training runs and the models that they log.

    Every method raises `RegistryUnavailable` when the server does not answer.
    """

    def begin(
        self,
        model: str,
        *,
        run_key: str,
        attempt: int,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        tables: Sequence[PinnedTable],
    ) -> str:
        """Start a run for an attempt and return its id.

        Stray runs, which earlier attempts at the same `run_key` left open, are closed as KILLED.
        """

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Log metrics of a run."""

    def log_file(self, run_id: str, name: str, data: bytes) -> None:
        """Keep a small file with a run, replacing one of the same name."""

    def log_package(self, run_id: str, folder: Path) -> str:
        """Upload a model version's folder; return its URI."""

    def end(self, run_id: str, *, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
        """Close a run, unless it is closed already."""

    def address(self, run_id: str) -> str:
        """Address of a run's page."""

    def download(self, model_uri: str, to: Path, *, sha256: str) -> Path:
        """Download a logged model's folder and check it against its manifest's digest.

        Raises:
            Tampered: A file differs from its digest.
        """
