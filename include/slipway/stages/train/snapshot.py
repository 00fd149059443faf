"""Snapshot: pin the table versions that a training may read, and the event clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable
from slipway.records.idempotent_stage import perform
from slipway.records.requests import Request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.metrics import has_classes
from slipway.stages.model.label_classes import require_both_classes, to_target
from slipway.stages.model.label_rows import labels_table
from slipway.stages.model.labelled_rows import Snapshot, join_labelled
from slipway.stages.model.left_out import format_left_out
from slipway.stages.ports.tables import Tables
from slipway.stages.train.splitting import require_rows

if TYPE_CHECKING:
    import pandas as pd


def snapshot(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    request: Request,
    context: RunContext,
    tables: Tables,
) -> RunRecord:
    """Record the versions of the tables to be joined, and the event clock.

    Raises:
        NotComputable: A table is missing, too few rows are labelled, or the labels do not fit
            the task.
    """
    return perform(
        context,
        RunRef(spec.model, request.run, "snapshot"),
        lambda _: _pin(spec, dataset, tables),
        inputs={"request": request.number, "dataset": dataset.dataset},
    )


def _pin(spec: ModelSpec, dataset: DatasetSpec, tables: Tables) -> Verdict:
    features = f"{dataset.dataset}/features"
    features_version = _need_version(tables, features)
    labels_version = _need_version(tables, labels_table(dataset))
    as_of = tables.newest(features, dataset.identity.time.column, version=features_version)
    if as_of is None:
        raise NotComputable(f"table {features} has no rows")
    pins = Snapshot(features_version, labels_version, as_of)
    joined = join_labelled(tables, dataset, pins, columns=[], target=spec.target)
    rows = joined.rows
    require_rows(len(rows), spec.training.min_rows, what="labelled rows")
    _require_fitting_labels(spec, rows[spec.target])
    times = rows[dataset.identity.time.column]
    start, end = times.min(), times.max()
    return Verdict(
        "pinned",
        f"{_versions(pins, dataset)} as of "
        f"{as_of:%Y-%m-%d %H:%M}: {len(rows):,} labelled rows from {start:%Y-%m-%d} "
        f"to {end:%Y-%m-%d}.{format_left_out(joined.left_out)}",
        {
            "features_version": features_version,
            "labels_version": labels_version,
            "as_of": as_of.isoformat(),
            "labelled_rows": len(rows),
            "window_start": start.isoformat(),
            "window_end": end.isoformat(),
            **joined.left_out,
        },
    )


def _require_fitting_labels(spec: ModelSpec, labels: pd.Series[Any]) -> None:
    to_target(labels, spec)
    if has_classes(spec.task):
        hint = "wait for labels of other classes, or compare how labels are delivered"
        require_both_classes(labels, spec, what="labelled rows", hint=hint)


def _versions(pins: Snapshot, dataset: DatasetSpec) -> str:
    if dataset.streams.in_one_file:
        return f"Version {pins.features_version} of features and labels"
    return f"Features version {pins.features_version} and labels version {pins.labels_version}"


def _need_version(tables: Tables, table: str) -> int:
    version = tables.version(table)
    if version is None:
        raise NotComputable(f"there is no table {table}", hint="deliver a batch of it first")
    return version
