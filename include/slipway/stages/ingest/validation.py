"""Validate a delivery: bad rows go to quarantine, the rest enters the tables or is blocked.

A row is bad that cannot be cast, lacks a required value, repeats a key, has an implausible event
time or fails a critical row-level expectation; all its reasons are kept. The good rows are then
validated as a batch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from slipway.errors import BadBatch
from slipway.spec import DatasetSpec, Expectation
from slipway.stages.ingest.absent_labels import with_absent_labels
from slipway.stages.ingest.cast_rows import RowCaster
from slipway.stages.ingest.epoch_units import unit_warnings
from slipway.stages.ingest.equal_rows import number_equal_rows
from slipway.stages.ingest.evaluate_expectations import evaluate
from slipway.stages.ingest.event_clock import implausible_reason, implausible_rows, no_date_warning
from slipway.stages.ingest.faults import EXPLAINED, Faults, Reason
from slipway.stages.ingest.header import header_problem, undeclared_columns
from slipway.stages.ingest.identity_columns import IdentityColumns
from slipway.stages.ingest.repeated_keys import repeated_keys
from slipway.stages.ports.expectations import ExpectationResult, ExpectationSuites

if TYPE_CHECKING:
    import numpy as np

    from slipway.spec.dataset import Stream
    from slipway.stages.ports.delivery_source import OpenDelivery
    from slipway.stages.ports.row_spool import RowSpool

REPEATED = "is repeated in this batch"


@dataclass(frozen=True)
class ValidatedDelivery:
    """Result of validating a delivery.

    Attributes:
        delivery: Opened delivery.
        spool: Its rows in their declared types.
        rows: Number of rows and of lines that are no rows.
        good: Mask over the spool's rows: those that may be published.
        faults: Bad rows and lines with their reasons.
        outcomes: Results of all expectations.
        blocks: Reasons to block the batch as a whole; empty when it may be published.
        warnings: Findings that do not stop the batch.
        equal_rows: Number of rows that are equal to one before them, where the row is the key.
    """

    delivery: OpenDelivery
    spool: RowSpool
    rows: int
    good: np.ndarray
    faults: Faults
    outcomes: tuple[ExpectationResult, ...]
    blocks: tuple[str, ...]
    warnings: tuple[str, ...]
    equal_rows: int = 0

    @property
    def bad(self) -> int:
        """Number of bad rows and of lines that are no rows."""
        return self.rows - int(self.good.sum())


def validate_delivery(
    delivery: OpenDelivery,
    spool: RowSpool,
    *,
    spec: DatasetSpec,
    stream: Literal["features", "labels"],
    suites: ExpectationSuites,
    clock: datetime | None,
    now: datetime | None = None,
    arrived: datetime | None = None,
) -> ValidatedDelivery:
    """Separate a delivery into good and bad rows, and validate the batch as a whole.

    Memory is bounded by a part of the rows, and by the columns of one expectation about the batch.

    Args:
        delivery: Opened delivery.
        spool: Empty spool, which holds the cast rows afterwards.
        spec: Dataset.
        stream: Stream of the delivery.
        suites: Evaluates expectations.
        clock: Event clock before this delivery; None before the first features.
        now: Wall time; None: the machine's.
        arrived: Moment at which the batch arrived, where that is the event time.

    Raises:
        BadBatch: A declared column is missing, or there is no row.
        SpecError: An expectation is invalid.
    """
    declared = spec.streams.file(stream)
    delivery = with_absent_labels(delivery, spec)
    problem = header_problem(
        delivery.names,
        declared.columns,
        spec.csv,
        has_line=delivery.has_header_line,
        indexes=delivery.indexes,
    )
    if problem is not None:
        raise problem
    faults = Faults()
    identity = IdentityColumns(spec.identity, stream, arrived)
    required = _required(spec, stream, declared)
    caster = RowCaster(declared.columns, required, spec.csv, identity)
    empty = caster.cast_into(spool, delivery, faults)
    # Labels of new rows are not known yet.
    not_yet = spec.streams.labels.columns.keys() if spec.streams.in_one_file else frozenset()
    rows = len(spool) + faults.lines
    if rows == 0:
        raise BadBatch("the file holds no rows", expected="at least one row")
    key = spec.identity.key
    equal_rows = 0
    if key.source == "row":
        spool = numbered = number_equal_rows(spool, key.column)
        equal_rows = len(numbered.numbered)
    repeated = {key.column: repeated_keys(spool, key.column)}
    faults.add(Reason(str(key), REPEATED), repeated[key.column])
    doubts = (*delivery.doubts, *unit_warnings(spool, declared.columns))
    if stream == "features":
        late = implausible_rows(spool, spec, clock=clock, now=now or datetime.now(UTC))
        faults.add(implausible_reason(spec), late)
        if (old := no_date_warning(spool, spec)) is not None:
            doubts = (*doubts, old)
    by_row, whole = _by_scope(spec.expectations_of_file(stream), suites)
    outcomes = evaluate(spool, by_row, suites, repeated=repeated) if len(spool) else []
    _add_broken_rows(faults, outcomes)
    good = faults.good(len(spool))
    if good.any():
        outcomes += evaluate(spool, whole, suites, keep=good)
    outcomes = [one.without_personal(declared.personal) for one in outcomes]
    return ValidatedDelivery(
        delivery=delivery,
        spool=spool,
        rows=rows,
        good=good,
        equal_rows=equal_rows,
        faults=faults,
        outcomes=tuple(outcomes),
        blocks=tuple(_blocks(rows, good, faults, outcomes, share=declared.quarantine_max_share)),
        warnings=(
            *doubts,
            *_warnings(delivery.names, declared.columns, empty - not_yet, outcomes),
        ),
    )


def _required(spec: DatasetSpec, stream: str, declared: Stream) -> frozenset[str]:
    """Columns without missing values: those declared so, and those of key and event time."""
    identity = spec.identity.required(stream)
    return frozenset(
        name for name, column in declared.columns.items() if name in identity or not column.nullable
    )


def _by_scope(
    expectations: Sequence[Expectation], suites: ExpectationSuites
) -> tuple[list[Expectation], list[Expectation]]:
    by_row = [one for one in expectations if suites.scope(one).by_row]
    return by_row, [one for one in expectations if not suites.scope(one).by_row]


def _add_broken_rows(faults: Faults, outcomes: Sequence[ExpectationResult]) -> None:
    for one in outcomes:
        if one.severity == "critical" and not one.success and one.rows is not None:
            faults.add(Reason(", ".join(one.columns), one.broken), one.rows)


def _blocks(
    rows: int,
    good: np.ndarray,
    faults: Faults,
    outcomes: Sequence[ExpectationResult],
    *,
    share: float,
) -> list[str]:
    blocks = [
        f"{one} failed"
        for one in outcomes
        if one.severity == "critical" and not one.success and one.rows is None
    ]
    bad = rows - int(good.sum())
    commonest = "; ".join(map(str, faults.counted()[:EXPLAINED]))
    if bad / rows > share:
        blocks.insert(
            0, f"{bad:,} of {rows:,} rows are bad, more than the allowed {share:.1%}: {commonest}"
        )
    elif bad == rows:
        blocks.insert(0, f"no row is good: {commonest}")
    return blocks


def _warnings(
    names: Sequence[str],
    declared: Collection[str],
    empty: Collection[str],
    outcomes: Sequence[ExpectationResult],
) -> list[str]:
    warnings = [f"column {name} holds no value at all" for name in declared if name in empty]
    if (extra := undeclared_columns(names, declared)) is not None:
        warnings.append(f"left out what the spec does not declare: {extra}")
    failed = [one for one in outcomes if one.severity == "warning" and not one.success]
    return [*warnings, *(f"{one} failed" for one in failed)]
