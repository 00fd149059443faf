"""Write training runs to MLflow: one for each attempt, with its data, params and model."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from slipway.adapters.mlflow_server.api import AlreadyThere, MlflowApi
from slipway.adapters.mlflow_server.stray_runs import (
    Status,
    close_run,
    close_stray_runs,
    now_ms,
)
from slipway.errors import NotFound
from slipway.stages.model.version_tags import ATTEMPT, RUN_KEY
from slipway.stages.ports.tables import PinnedTable
from slipway.stages.ports.tracking import LoggedTrial

PARENT = "mlflow.parentRunId"
"""Tag by which MLflow shows a run below another one."""

LONGEST_PARAM = 6000
"""MLflow refuses a longer value of a parameter."""


class MlflowTracking:
    """Fulfils the `Tracking` port.

    Args:
        url: Address of the MLflow server.
        token: Bearer token, if the server requires one.
    """

    def __init__(self, url: str, *, token: str | None = None) -> None:
        self._api = MlflowApi(url, token=token)

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
        experiment = self._experiment(model)
        close_stray_runs(self._api, experiment=experiment, run_key=run_key, attempt=attempt)
        created = self._api.post(
            "runs/create",
            experiment_id=experiment,
            run_name=f"{run_key.rpartition('/')[2]} attempt {attempt}",
            start_time=now_ms(),
            tags=_pairs({**tags, RUN_KEY: run_key, ATTEMPT: str(attempt)}),
        )
        run_id: str = created["run"]["info"]["run_id"]
        self._api.post("runs/log-batch", run_id=run_id, params=_pairs(shortened(params)))
        self._api.post("runs/log-inputs", run_id=run_id, datasets=[_dataset(one) for one in tables])
        return run_id

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Log metrics of a run."""
        at = now_ms()
        values = [
            {"key": key, "value": value, "timestamp": at, "step": 0}
            for key, value in metrics.items()
        ]
        self._api.post("runs/log-batch", run_id=run_id, metrics=values)

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Log further parameters of a run."""
        self._api.post("runs/log-batch", run_id=run_id, params=_pairs(shortened(params)))

    def log_trial(self, run_id: str, trial: LoggedTrial) -> None:
        """Add a run of a trial below a training's run; it has the training's key and attempt."""
        parent = self._run(run_id)
        known = {tag["key"]: tag["value"] for tag in parent["data"]["tags"]}
        same = {name: known[name] for name in (RUN_KEY, ATTEMPT) if name in known}
        created = self._api.post(
            "runs/create",
            experiment_id=parent["info"]["experiment_id"],
            run_name=trial.name,
            start_time=now_ms(),
            tags=_pairs({**trial.tags, **same, PARENT: run_id}),
        )
        child: str = created["run"]["info"]["run_id"]
        by_fold = [
            (name, value, fold)
            for name, values in trial.by_fold.items()
            for fold, value in enumerate(values)
        ]
        at = now_ms()
        values = [(name, value, 0) for name, value in trial.metrics.items()]
        self._api.post(
            "runs/log-batch",
            run_id=child,
            params=_pairs(shortened(trial.params)),
            metrics=[
                {"key": name, "value": value, "timestamp": at, "step": step}
                for name, value, step in (*values, *by_fold)
            ],
        )
        self._api.post("runs/update", run_id=child, status=trial.status, end_time=now_ms())

    def log_file(self, run_id: str, name: str, data: bytes) -> None:
        """Upload a small file as an artifact of a run, replacing one of the same name."""
        with tempfile.TemporaryDirectory(prefix="slipway-run-") as folder:
            (Path(folder) / name).write_bytes(data)
            self._api.upload(self._run(run_id)["info"]["artifact_uri"], Path(folder))

    def log_package(self, run_id: str, folder: Path) -> str:
        """Upload a model version's folder as a logged model; return its URI."""
        run = self._run(run_id)
        created = self._api.post(
            "logged-models",
            experiment_id=run["info"]["experiment_id"],
            name=folder.name,
            source_run_id=run_id,
        )
        info = created["model"]["info"]
        model_id = info["model_id"]
        self._api.upload(info["artifact_uri"], folder)
        self._api.patch(f"logged-models/{model_id}", model_id=model_id, status="LOGGED_MODEL_READY")
        self._api.post("runs/outputs", run_id=run_id, models=[{"model_id": model_id, "step": 0}])
        return f"models:/{model_id}"

    def end(self, run_id: str, *, status: Status) -> None:
        """Set a run's final status, unless it has one."""
        close_run(self._api, run_id, status=status)

    def address(self, run_id: str) -> str:
        """Return the address of a run's page."""
        experiment = self._run(run_id)["info"]["experiment_id"]
        return f"{self._api.url}/#/experiments/{experiment}/runs/{run_id}"

    def download(self, model_uri: str, to: Path, *, sha256: str) -> Path:
        """Download the folder that `log_package` uploaded, checked against its manifest's digest.

        Raises:
            NotFound: There is no such model.
            Tampered: A file differs from its digest.
        """
        model = self._api.get(f"logged-models/{model_uri.removeprefix('models:/')}")["model"]
        return self._api.download(model["info"]["artifact_uri"], to, sha256=sha256)

    def _experiment(self, name: str) -> str:
        try:
            found = self._api.get("experiments/get-by-name", experiment_name=name)
        except NotFound:
            with suppress(AlreadyThere):
                return str(self._api.post("experiments/create", name=name)["experiment_id"])
            found = self._api.get("experiments/get-by-name", experiment_name=name)
        return str(found["experiment"]["experiment_id"])

    def _run(self, run_id: str) -> dict[str, Any]:
        run: dict[str, Any] = self._api.get("runs/get", run_id=run_id)["run"]
        return run


def _dataset(table: PinnedTable) -> dict[str, Any]:
    source = {"path": table.uri, "delta_table_version": table.version}
    return {
        "dataset": {
            "name": table.name,
            "digest": f"v{table.version}",
            "source_type": "delta_table",
            "source": json.dumps(source),
        },
        "tags": [{"key": "mlflow.data.context", "value": "training"}],
    }


def shortened(params: Mapping[str, str]) -> dict[str, str]:
    """Return parameters of which a value that is too long ends in an ellipsis."""
    return {
        name: value if len(value) <= LONGEST_PARAM else f"{value[: LONGEST_PARAM - 1]}\u2026"
        for name, value in params.items()
    }


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]
