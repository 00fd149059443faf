"""Training runs in memory, their folders on disk."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from slipway.errors import NotFound, RegistryUnavailable
from slipway.stages.model import manifest
from slipway.stages.model.version_tags import RUN_KEY
from slipway.stages.ports.tables import PinnedTable
from slipway.stages.ports.tracked_runs import TrackedRun
from slipway.stages.ports.tracking import LoggedTrial


@dataclass
class Run:
    """One training run.

    Attributes:
        model: Name of the model.
        attempt: Number of the attempt.
        tags: Tags.
        params: Parameters.
        tables: Pinned tables.
        metrics: Metrics.
        status: MLflow's run status.
        files: Further artifacts, by name.
        trials: Runs of trials below it.
    """

    model: str
    attempt: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    tables: Sequence[PinnedTable]
    metrics: dict[str, float] = field(default_factory=dict)
    status: str = "RUNNING"
    files: dict[str, bytes] = field(default_factory=dict)
    trials: list[LoggedTrial] = field(default_factory=list)


class MemoryTracking:
    """A fake of the `Tracking` port.

    Args:
        root: Folder for the models' files.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runs: dict[str, Run] = {}
        self.answers = True

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
        """Id of a new run; open runs of earlier attempts end as KILLED."""
        self.check()
        for run in self.runs.values():
            same = run.tags[RUN_KEY] == run_key and run.attempt < attempt
            if same and run.status == "RUNNING":
                run.status = "KILLED"
        run_id = uuid.uuid4().hex
        self.runs[run_id] = Run(
            model, attempt, {**tags, RUN_KEY: run_key}, dict(params), list(tables)
        )
        return run_id

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Log metrics of a run."""
        self.check()
        self.runs[run_id].metrics |= metrics

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Log further parameters of a run."""
        self.check()
        run = self.runs[run_id]
        run.params = {**run.params, **params}

    def log_trial(self, run_id: str, trial: LoggedTrial) -> None:
        """Add a trial below a run."""
        self.check()
        self.runs[run_id].trials.append(trial)

    def log_file(self, run_id: str, name: str, data: bytes) -> None:
        """Keep a file with a run."""
        self.check()
        self.runs[run_id].files[name] = data

    def log_package(self, run_id: str, folder: Path) -> str:
        """Copy a folder of a known run; its URI."""
        self.check()
        assert run_id in self.runs
        model_id = f"m-{uuid.uuid4().hex}"
        shutil.copytree(folder, self.root / model_id)
        return f"models:/{model_id}"

    def end(self, run_id: str, *, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
        """Close a run, unless it is closed."""
        self.check()
        if self.runs[run_id].status == "RUNNING":
            self.runs[run_id].status = status

    def address(self, run_id: str) -> str:
        """URL of a run's page."""
        return f"memory://runs/{run_id}"

    def download(self, model_uri: str, to: Path, *, sha256: str) -> Path:
        """A copied folder, checked against its manifest's digest."""
        self.check()
        source = self.root / model_uri.removeprefix("models:/")
        if not source.is_dir():
            raise NotFound(f"there is no {model_uri}")
        manifest.open_sealed(source, sha256=sha256)
        shutil.copytree(source, to, dirs_exist_ok=True)
        return to

    def check(self) -> None:
        """Raise `RegistryUnavailable` while `answers` is False."""
        if not self.answers:
            raise RegistryUnavailable("the fake does not answer")


class MemoryRuns:
    """A fake of the `TrackedRuns` port.

    Args:
        tracking: The runs.
    """

    def __init__(self, tracking: MemoryTracking) -> None:
        self.tracking = tracking

    def read(self, run_id: str) -> TrackedRun:
        """The logged parameters, metrics, tags and tables of a run."""
        self.tracking.check()
        run = self.tracking.runs[run_id]
        tables = tuple(run.tables)
        where = self.tracking.address(run_id)
        return TrackedRun(dict(run.params), dict(run.metrics), dict(run.tags), tables, where)

    def fetch(self, run_id: str, to: Path) -> list[str]:
        """Write a run's files into a folder; their names."""
        files = self.tracking.runs[run_id].files
        for name, data in files.items():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_bytes(data)
        return sorted(files)

    def attach(self, run_id: str, folder: Path) -> None:
        """Add a folder's files to a run."""
        for path in folder.rglob("*"):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                self.tracking.runs[run_id].files[name] = path.read_bytes()
