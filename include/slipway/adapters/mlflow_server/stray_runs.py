"""Close stray MLflow runs: runs that killed attempts left in the state RUNNING."""

from __future__ import annotations

import time
from typing import Literal

from slipway.adapters.mlflow_server.api import MlflowApi
from slipway.stages.model.version_tags import ATTEMPT, RUN_KEY

Status = Literal["FINISHED", "FAILED", "KILLED"]


def close_stray_runs(api: MlflowApi, *, experiment: str, run_key: str, attempt: int) -> None:
    """End as KILLED the open runs of all earlier attempts at a piece of work.

    Args:
        api: The MLflow server.
        experiment: Id of the model's experiment.
        run_key: Key of the piece of work.
        attempt: Number of the attempt that begins.
    """
    same = f"tags.`{RUN_KEY}` = '{run_key}' AND attributes.status = 'RUNNING'"
    found = api.post("runs/search", experiment_ids=[experiment], filter=same)
    for run in found.get("runs", []):
        tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
        number = tags.get(ATTEMPT, "")
        # A hand may have set the tag: without an attempt that is earlier, a run stays open.
        if number in map(str, range(attempt)):
            close_run(api, run["info"]["run_id"], status="KILLED")


def close_run(api: MlflowApi, run_id: str, *, status: Status) -> None:
    """Set a run's final status, unless it has one."""
    if api.get("runs/get", run_id=run_id)["run"]["info"]["status"] == "RUNNING":
        api.post("runs/update", run_id=run_id, status=status, end_time=now_ms())


def now_ms() -> int:
    """Return the wall time as MLflow counts it."""
    return time.time_ns() // 1_000_000
