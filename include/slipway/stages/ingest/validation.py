"""Validate a delivery: bad rows go to quarantine, the rest enters the tables or is blocked.

A row is bad that cannot be cast, lacks a required value, repeats a key or fails a critical
row-level expectation; all its reasons are kept. The good rows are then validated as a batch.
Pure apart from the port that evaluates expectations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from slipway.errors import BadBatch
from slipway.spec import Column, DatasetSpec
from slipway.stages.ingest.casting import Casting, cast
from slipway.stages.ports.expectations import ExpectationResult, ExpectationSuites

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ValidatedDelivery:
    """Result of validating a delivery.

    Attributes:
        good: Rows that may be published, in the spec's types.
        reasons: All reasons of each bad row, by index label.
        outcomes: Results of all expectations.
        blocks: Reasons to block the batch as a whole; empty when it may be published.
        warnings: Findings that do not stop the batch.
    """

    good: pd.DataFrame
    reasons: Mapping[int, str]
    outcomes: tuple[ExpectationResult, ...]
    blocks: tuple[str, ...]
    warnings: tuple[str, ...]


def validate_delivery(
    delivered: pd.DataFrame,
    *,
    spec: DatasetSpec,
    stream: Literal["features", "labels"],
    suites: ExpectationSuites,
) -> ValidatedDelivery:
    """Separate a delivery into good and bad rows, and validate the batch as a whole.

    Args:
        delivered: Delivered rows, indexed from 0.
        spec: Dataset.
        stream: Stream of the delivery.
        suites: Evaluates expectations.

    Raises:
        BadBatch: A declared column is missing.
        SpecError: An expectation is invalid.
    """
    declared = spec.streams.features if stream == "features" else spec.streams.labels
    expectations = spec.expectations.get(stream, [])
    _need_columns(delivered, declared.columns)
    casting = cast(delivered, declared.columns)
    by_row = [one for one in expectations if suites.row_level(one)]
    whole = [one for one in expectations if not suites.row_level(one)]
    outcomes = suites.validate(casting.frame, by_row)
    reasons = _join(
        [
            *_cast_faults(casting, declared.columns),
            *_missing_values(casting, _required(spec, declared.columns)),
            *_repeated_keys(casting.frame[spec.key]),
            *_broken_rows(outcomes),
        ]
    )
    good = casting.frame.drop(index=list(reasons))
    outcomes = [*outcomes, *(suites.validate(good, whole) if len(good) else [])]
    return ValidatedDelivery(
        good=good,
        reasons=reasons,
        outcomes=tuple(outcomes),
        blocks=tuple(_blocks(len(delivered), good, outcomes, share=declared.quarantine_max_share)),
        warnings=tuple(_warnings(delivered, casting.frame, outcomes)),
    )


def _need_columns(delivered: pd.DataFrame, columns: Mapping[str, Column]) -> None:
    missing = [name for name in columns if name not in delivered]
    if missing:
        raise BadBatch(
            f"the file lacks {'columns' if len(missing) > 1 else 'column'} {', '.join(missing)}",
            expected=", ".join(columns),
            found=", ".join(map(str, delivered.columns)),
        )


Fault = tuple[Sequence[int], str]
"""Index labels of bad rows, and the reason."""


def _cast_faults(casting: Casting, columns: Mapping[str, Column]) -> list[Fault]:
    return [
        (list(rows.index[rows]), f"{name} is not of type {columns[name].type}")
        for name, rows in casting.failed.items()
    ]


def _required(spec: DatasetSpec, columns: Mapping[str, Column]) -> list[str]:
    """Columns without missing values: those declared so, key and event time."""
    identity = {spec.key, spec.event_time}
    return [name for name, column in columns.items() if name in identity or not column.nullable]


def _missing_values(casting: Casting, required: Sequence[str]) -> list[Fault]:
    faults: list[Fault] = []
    for name in required:
        missing = casting.frame[name].isna()
        if name in casting.failed:
            missing &= ~casting.failed[name]
        faults.append((list(missing.index[missing]), f"{name} is missing"))
    return faults


def _repeated_keys(keys: pd.Series) -> list[Fault]:
    # Nothing tells which of two rows with one key is right, so neither enters.
    repeated = keys.notna() & keys.duplicated(keep=False)
    return [(list(keys.index[repeated]), f"{keys.name} is repeated in this batch")]


def _broken_rows(outcomes: Sequence[ExpectationResult]) -> list[Fault]:
    return [
        (one.rows, f"{one.expectation} of {', '.join(one.columns)}")
        for one in outcomes
        if one.severity == "critical" and not one.success and one.rows is not None
    ]


def _join(faults: Sequence[Fault]) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for rows, reason in faults:
        for row in rows:
            reasons[row] = f"{reasons[row]}; {reason}" if row in reasons else reason
    return dict(sorted(reasons.items()))


def _blocks(
    rows: int, good: pd.DataFrame, outcomes: Sequence[ExpectationResult], *, share: float
) -> list[str]:
    blocks = [
        f"{one} failed"
        for one in outcomes
        if one.severity == "critical" and not one.success and one.rows is None
    ]
    bad = rows - len(good)
    if bad / rows > share:
        blocks.insert(0, f"{bad} of {rows} rows are bad, more than the allowed {share:.1%}")
    elif bad == rows:
        blocks.insert(0, "no row is good")
    return blocks


def _warnings(
    delivered: pd.DataFrame, rows: pd.DataFrame, outcomes: Sequence[ExpectationResult]
) -> list[str]:
    empty = rows.columns[rows.isna().all()]
    warnings = [f"column {name} holds no value at all" for name in empty]
    extra = [str(name) for name in delivered if name not in rows]
    if extra:
        warnings.append(f"left out what the spec does not declare: {', '.join(extra)}")
    failed = [one for one in outcomes if one.severity == "warning" and not one.success]
    return [*warnings, *(f"{one} failed" for one in failed)]
