"""Pinning: which versions of its tables a training may see, and as of when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.errors import NotComputable
from slipway.records.requests import Request
from slipway.records.runs import RunRecord, RunRef, perform
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.ports.tables import Tables
from slipway.stages.train.splitting import check_enough


def snapshot(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    request: Request,
    store: Store,
    tables: Tables,
    origin: Mapping[str, Any],
) -> RunRecord:
    """Record of the versions of every table to be joined, and of the event clock then.

    Raises:
        NotComputable: A table is missing, or too few rows are labelled.
    """
    return perform(
        store,
        RunRef(spec.model, request.run, "snapshot"),
        lambda _: _pin(spec, dataset, tables),
        inputs={"request": request.number, "dataset": dataset.dataset},
        origin=origin,
    )


def _pin(spec: ModelSpec, dataset: DatasetSpec, tables: Tables) -> Verdict:
    features = f"{dataset.dataset}/features"
    features_version = _pinned_version(tables, features)
    labels_version = _pinned_version(tables, f"{dataset.dataset}/labels")
    as_of = tables.newest(features, dataset.event_time, version=features_version)
    if as_of is None:
        raise NotComputable(f"table {features} has no rows")
    pins = Snapshot(features_version, labels_version, as_of)
    rows = read_labelled(tables, dataset, pins, columns=[], target=spec.target)
    check_enough(len(rows), spec.training.min_rows, what="labelled rows")
    times = rows[dataset.event_time]
    start, end = times.min(), times.max()
    return Verdict(
        "pinned",
        f"Features version {features_version} and labels version {labels_version} as of "
        f"{as_of:%Y-%m-%d %H:%M}: {len(rows):,} labelled rows from {start:%Y-%m-%d} "
        f"to {end:%Y-%m-%d}.",
        {
            "features_version": features_version,
            "labels_version": labels_version,
            "as_of": as_of.isoformat(),
            "labelled_rows": len(rows),
            "window_start": start.isoformat(),
            "window_end": end.isoformat(),
        },
    )


def _pinned_version(tables: Tables, table: str) -> int:
    version = tables.version(table)
    if version is None:
        raise NotComputable(f"there is no table {table}", hint="let a batch of it land first")
    return version
