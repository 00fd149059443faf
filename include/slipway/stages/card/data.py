"""Sections of a model card about the data: tables, time spans, rows, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.stages.card.refit import is_refit
from slipway.stages.card.words import NOT_RECORDED, facts, recorded, recorded_time
from slipway.stages.model.shipped import RANDOM_HOLDOUT, as_judged
from slipway.stages.ports.raw_column import RawColumn, columns_of, signature_of
from slipway.stages.report.blocks import Section, Table
from slipway.stages.report.version_case import VersionCase

_OWN = frozenset(
    {
        *("features_version", "labels_version", "as_of", "labelled_rows"),
        *("window_start", "window_end"),
    }
)
"""Numbers of a snapshot that are no counts of rows left out."""


def data_sections(case: VersionCase) -> Iterator[Section]:
    """Yield the sections about rows and columns."""
    yield _data(case)
    yield _features(case)


def _data(case: VersionCase) -> Section:
    snapshot = case.verdict("snapshot").numbers
    found = {**as_judged(case.manifest), **case.verdict("train").numbers}
    dataset = case.specs.dataset.dataset if case.specs else case.manifest.get("dataset")
    rows = [("dataset", recorded(dataset))]
    for name in ("features_version", "labels_version"):
        pinned = snapshot.get(name, case.manifest.get(name))
        rows.append((f"version of the {name.removesuffix('_version')} table", recorded(pinned)))
    rows.append(("event clock", recorded_time(snapshot.get("as_of", case.manifest.get("as_of")))))
    rows.append(("labelled rows", recorded(snapshot.get("labelled_rows"))))
    own = {**case.manifest, **case.shipped.numbers}
    rows += _part("training", own)
    if is_refit(case):
        rows += [(f"{name} of the judged model", value) for name, value in _part("training", found)]
    rows += _part("holdout", found)
    rows.append(("labelled rows in neither part", _in_neither(case)))
    rows.append(("split", _split(case)))
    return facts("Data", rows, [_left_out(case)])


def _in_neither(case: VersionCase) -> str:
    """Number of labelled rows that are older than the window of the training."""
    labelled = case.number("snapshot", "labelled_rows")
    numbers = case.shipped.numbers
    parts = [numbers.get("training_rows"), 0 if is_refit(case) else numbers.get("holdout_rows")]
    if not isinstance(labelled, int) or not all(isinstance(one, int) for one in parts):
        return NOT_RECORDED
    return f"{labelled - sum(int(one or 0) for one in parts):,}"


def _part(part: str, found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Number of rows and time span of the training rows, or of the holdout."""
    span = [recorded_time(found.get(f"{part}_{end}")) for end in ("start", "end")]
    return [
        (f"{part} rows", recorded(found.get(f"{part}_rows"))),
        (f"{part} time span", NOT_RECORDED if NOT_RECORDED in span else _span(span)),
    ]


def _span(ends: list[str]) -> str:
    return " to ".join(ends)


def _split(case: VersionCase) -> str:
    if case.specs is None:
        random = as_judged(case.manifest).get(RANDOM_HOLDOUT)
        if random is not None:
            return f"random, share {random['share']:g} of the keys"
        return "by time" if case.manifest else NOT_RECORDED
    training = case.specs.model.training
    if training.split == "random":
        return f"random, share {training.holdout_share:g} of the keys"
    window = f"{training.window_days} days" if training.window_days else "all earlier rows"
    return f"by time: the newest {training.holdout_days} days are held out, trained on {window}"


def _left_out(case: VersionCase) -> str:
    snapshot = case.verdict("snapshot").numbers
    if not snapshot:
        return f"Left out of the join: {NOT_RECORDED}."
    counts = {
        name: value
        for name, value in snapshot.items()
        if name not in _OWN and isinstance(value, int) and value
    }
    if not counts:
        return "Left out of the join: no row."
    named = (f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
    return f"Left out of the join: {', '.join(named)}."


def _features(case: VersionCase) -> Section:
    columns = _columns(case)
    rows = [
        (
            column.name,
            column.kind,
            recorded(column.type),
            "yes" if column.required else "no",
            _personal(case, column.name),
        )
        for column in columns
    ]
    head = ("column", "taken as", "declared type", "required", "personal")
    own = "slipway/pipeline.py" in case.manifest.get("files", {})
    lines = ["`slipway/pipeline.py` in the version makes the features of these."] if own else []
    if not rows:
        return Section("Features", [f"Features: {NOT_RECORDED}."])
    return Section("Features", lines, Table(head, rows))


def _columns(case: VersionCase) -> tuple[RawColumn, ...]:
    if case.manifest.get("features"):
        return columns_of(case.manifest)
    if case.specs is None:
        return ()
    return signature_of(case.specs.model, case.specs.dataset)


def _personal(case: VersionCase, name: str) -> str:
    if case.specs is not None:
        declared = case.specs.dataset.streams.features.columns.get(name)
        return NOT_RECORDED if declared is None else (declared.pii or "no")
    if "pii" in case.manifest:
        return str(case.manifest["pii"].get(name, "no"))
    return NOT_RECORDED
