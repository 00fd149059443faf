"""Tracking port: training runs and the models that they log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from slipway.stages.ports.tables import PinnedTable

Status = Literal["FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True)
class LoggedTrial:
    """A trial of a search that has ended, as a run below that of its training.

    Attributes:
        name: Name of the run.
        params: Parameters.
        metrics: Metrics.
        by_fold: Metrics with a value for each fold, in order.
        tags: Tags.
        status: How it ended.
    """

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    by_fold: Mapping[str, Sequence[float]]
    tags: Mapping[str, str]
    status: Status


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

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Log further parameters of a run."""

    def log_trial(self, run_id: str, trial: LoggedTrial) -> None:
        """Add a run of a trial below a training's run."""

    def log_file(self, run_id: str, name: str, data: bytes) -> None:
        """Keep a small file with a run, replacing one of the same name."""

    def log_package(self, run_id: str, folder: Path) -> str:
        """Upload a model version's folder; return its URI."""

    def end(self, run_id: str, *, status: Status) -> None:
        """Close a run, unless it is closed already."""

    def address(self, run_id: str) -> str:
        """Address of a run's page."""

    def download(self, model_uri: str, to: Path, *, sha256: str) -> Path:
        """Download a logged model's folder and check it against its manifest's digest.

        Raises:
            Tampered: A file differs from its digest.
        """
