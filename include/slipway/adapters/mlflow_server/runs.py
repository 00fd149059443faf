"""Read and extend MLflow's runs: what was logged, and their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from slipway.adapters.mlflow_server.api import MOST_WITHOUT_SIZES, MlflowApi
from slipway.errors import Tampered
from slipway.records.store import parse_json
from slipway.stages.ports.tables import PinnedTable
from slipway.stages.ports.tracked_runs import TrackedRun


class MlflowRuns:
    """Fulfils the `TrackedRuns` port.

    Args:
        url: Address of the MLflow server.
        token: Bearer token, if the server requires one.
    """

    def __init__(self, url: str, *, token: str | None = None) -> None:
        self._api = MlflowApi(url, token=token)

    def read(self, run_id: str) -> TrackedRun:
        """Return a run's params, metrics, tags and input tables.

        Raises:
            NotFound: There is no such run.
        """
        run = self._run(run_id)
        data = run["data"]
        experiment = run["info"]["experiment_id"]
        return TrackedRun(
            params=_values(data.get("params", [])),
            metrics=_values(data.get("metrics", [])),
            tags=_values(data.get("tags", [])),
            tables=tuple(_tables(run.get("inputs", {}))),
            address=f"{self._api.url}/#/experiments/{experiment}/runs/{run_id}",
        )

    def fetch(self, run_id: str, to: Path) -> list[str]:
        """Download a run's files to a folder; return their names.

        Raises:
            NotFound: There is no such run.
            Tampered: A name leads out of the folder, or the files are larger than a run's are.
        """
        uri = self._run(run_id)["info"]["artifact_uri"]
        names, left = sorted(self._names(run_id, "")), MOST_WITHOUT_SIZES
        for name in names:
            if name.startswith("/") or ".." in name.split("/"):
                raise Tampered("a run names a file outside its folder", where=uri)
            self._api.save(uri, name, to / name, most=left)
            left -= (to / name).stat().st_size
        return names

    def attach(self, run_id: str, folder: Path) -> None:
        """Upload a folder's files to a run, replacing files of the same name."""
        self._api.upload(self._run(run_id)["info"]["artifact_uri"], folder)

    def _names(self, run_id: str, path: str) -> Iterator[str]:
        within = {"path": path} if path else {}
        listing = self._api.get("artifacts/list", run_id=run_id, **within)
        for one in listing.get("files", []):
            if one.get("is_dir"):
                yield from self._names(run_id, one["path"])
            else:
                yield one["path"]

    def _run(self, run_id: str) -> dict[str, Any]:
        run: dict[str, Any] = self._api.get("runs/get", run_id=run_id)["run"]
        return run


def _values(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: pair["value"] for pair in pairs}


def _tables(inputs: Mapping[str, Any]) -> Iterator[PinnedTable]:
    """Yield the Delta tables among a run's inputs; one whose source is no such table is none."""
    for one in inputs.get("dataset_inputs", []):
        dataset = one["dataset"]
        if dataset.get("source_type") == "delta_table":
            with suppress(ValueError, KeyError, TypeError):
                source = parse_json(dataset["source"])
                path, version = str(source["path"]), int(source["delta_table_version"])
                yield PinnedTable(dataset["name"], path, version)
