"""Keep training runs and the models that they log in a folder."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

from slipway.adapters.experiment_folder.json_files import JsonFiles
from slipway.errors import NotFound
from slipway.records.scratch_folder import refuse_full_disk
from slipway.stages.model import manifest
from slipway.stages.model.version_tags import ATTEMPT, RUN_KEY
from slipway.stages.ports.tables import PinnedTable
from slipway.stages.ports.tracking import LoggedTrial

MODELS = "models"
RUNS = "runs"
RUNNING = "RUNNING"


class FolderTracking:
    """Fulfils the `Tracking` port.

    A run is `runs/<id>.json`, with its files in `runs/<id>/`; the folder that it logs is
    `models/<id>/`.

    Args:
        root: The experiment folder.
    """

    def __init__(self, root: Path) -> None:
        self._files = JsonFiles(root)

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
        """Create an attempt's run after closing those of earlier attempts; return its id."""
        run_id = uuid.uuid4().hex
        run = {
            "model": model,
            "status": RUNNING,
            "tags": {**tags, RUN_KEY: run_key, ATTEMPT: str(attempt)},
            "params": dict(params),
            "tables": [asdict(one) for one in tables],
            "metrics": {},
        }
        with self._files.changing():
            self._close_stray_runs(model, run_key=run_key, attempt=attempt)
            self._files.write(f"{RUNS}/{run_id}.json", run)
        return run_id

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Log metrics of a run."""
        with self._files.changing():
            run = self.read(run_id)
            self._files.write(
                f"{RUNS}/{run_id}.json", {**run, "metrics": {**run["metrics"], **metrics}}
            )

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Log further parameters of a run."""
        with self._files.changing():
            run = self.read(run_id)
            self._files.write(
                f"{RUNS}/{run_id}.json", {**run, "params": {**run["params"], **params}}
            )

    def log_trial(self, run_id: str, trial: LoggedTrial) -> None:
        """Keep a trial with its training's run, in the order in which trials ended."""
        with self._files.changing():
            run = self.read(run_id)
            self._files.write(
                f"{RUNS}/{run_id}.json", {**run, "trials": [*run.get("trials", []), asdict(trial)]}
            )

    def log_file(self, run_id: str, name: str, data: bytes) -> None:
        """Keep a small file with a run, replacing one of the same name."""
        self.read(run_id)
        self._files.write_bytes(f"{RUNS}/{run_id}/{name}", data)

    def log_package(self, run_id: str, folder: Path) -> str:
        """Copy a model version's folder; return its URI."""
        self.read(run_id)
        model_id = f"m-{uuid.uuid4().hex}"
        target = self._files.root / MODELS / model_id
        with refuse_full_disk(self._files.root, needs="a model version"):
            _copy(folder, target)
        return f"models:/{model_id}"

    def end(self, run_id: str, *, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
        """Set a run's final status, unless it has one."""
        with self._files.changing():
            run = self.read(run_id)
            if run["status"] == RUNNING:
                self._files.write(f"{RUNS}/{run_id}.json", {**run, "status": status})

    def address(self, run_id: str) -> str:
        """Return the path of a run's file."""
        return str(self._files.root / RUNS / f"{run_id}.json")

    def download(self, model_uri: str, to: Path, *, sha256: str) -> Path:
        """Copy the folder that `log_package` kept, checked against its manifest's digest.

        Raises:
            NotFound: There is no such model.
            Tampered: A file differs from its digest.
        """
        source = self.folder_of(model_uri)
        manifest.open_sealed(source, sha256=sha256)
        if to.is_dir():
            shutil.rmtree(to)
        with refuse_full_disk(to.parent, needs="a model version"):
            _copy(source, to)
        return to

    def folder_of(self, model_uri: str) -> Path:
        """Return the folder that `log_package` kept.

        Raises:
            NotFound: There is no such model.
        """
        source = self._files.root / MODELS / model_uri.removeprefix("models:/")
        if not source.is_dir():
            raise NotFound("there is no such model", where=str(source))
        return source

    def read(self, run_id: str) -> dict[str, Any]:
        """Return a run: model, status, tags, parameters, tables and metrics.

        Raises:
            NotFound: There is no such run.
        """
        run: dict[str, Any] | None = self._files.read(f"{RUNS}/{run_id}.json")
        if run is None:
            raise NotFound("there is no such run", where=self.address(run_id))
        return run

    def _close_stray_runs(self, model: str, *, run_key: str, attempt: int) -> None:
        for name in self._files.names(RUNS):
            run = self.read(Path(name).stem)
            tags = run["tags"]
            is_same = (run["model"], tags[RUN_KEY]) == (model, run_key)
            if is_same and run["status"] == RUNNING and int(tags[ATTEMPT]) < attempt:
                self._files.write(name, {**run, "status": "KILLED"})


def _copy(source: Path, target: Path) -> None:
    """Copy a folder, which appears as a whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        shutil.copytree(source, draft, dirs_exist_ok=True)
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
