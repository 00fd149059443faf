"""Evaluate expectations on the rows of a delivery, in bounded memory.

Those that judge rows one at a time see the rows in parts. Each other one sees its own columns
alone: all their rows, their distinct values where only these count, or the number of rows. Repeated
values are found by hashes, since Great Expectations takes 300 bytes a row for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from slipway.spec import Expectation
from slipway.spec.expectation_bounds import bounds_text
from slipway.spec.identity import DERIVED
from slipway.stages.ingest.repeated_keys import repeated_keys
from slipway.stages.ports.expectations import ExpectationResult, ExpectationSuites, Scope

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.stages.ports.row_spool import RowSpool


def evaluate(
    spool: RowSpool,
    expectations: Sequence[Expectation],
    suites: ExpectationSuites,
    *,
    keep: np.ndarray | None = None,
    repeated: Mapping[str, np.ndarray] | None = None,
) -> list[ExpectationResult]:
    """Return the results in the order of the expectations.

    Args:
        spool: Rows of the delivery.
        expectations: Expectations of its stream.
        suites: Evaluates them.
        keep: Mask over all rows; None: every row.
        repeated: Columns whose repeated values are known, with the numbers of these rows.

    Raises:
        SpecError: One is invalid, or cannot be computed on these columns.
    """
    scopes = [suites.scope(one) for one in expectations]
    in_parts = [one for one, scope in zip(expectations, scopes, strict=True) if scope.in_parts]
    wanted = _columns_of(scope for scope in scopes if scope.in_parts)
    merged = iter(suites.validate(spool.frames(wanted, keep=keep), in_parts) if in_parts else [])
    return [
        next(merged)
        if scope.in_parts
        else _at_once(spool, one, scope, suites, keep=keep, repeated=repeated or {})
        for one, scope in zip(expectations, scopes, strict=True)
    ]


def _columns_of(scopes: Iterable[Scope]) -> list[str]:
    return sorted({name for scope in scopes for name in scope.columns or ()})


def _at_once(
    spool: RowSpool,
    expectation: Expectation,
    scope: Scope,
    suites: ExpectationSuites,
    *,
    keep: np.ndarray | None,
    repeated: Mapping[str, np.ndarray],
) -> ExpectationResult:
    if scope.repeats and keep is None:
        return _unique(spool, expectation, repeated)
    (result,) = suites.validate([_seen(spool, scope, keep)], [expectation])
    return result


def _unique(
    spool: RowSpool, expectation: Expectation, repeated: Mapping[str, np.ndarray]
) -> ExpectationResult:
    column = str(expectation.kwargs["column"])
    found = repeated[column] if column in repeated else repeated_keys(spool, column)
    rows = found.tolist()
    present = sum(int(frame[column].notna().sum()) for frame in spool.frames([column]))
    share = (present - len(rows)) / present if present else 1.0
    return ExpectationResult(
        expectation=expectation.expect,
        columns=(column,),
        severity=expectation.severity,
        success=share >= float(expectation.kwargs.get("mostly", 1.0)),
        rows=tuple(rows),
        bounds=bounds_text(expectation.expect, expectation.kwargs),
    )


def _seen(spool: RowSpool, scope: Scope, keep: np.ndarray | None) -> pd.DataFrame:
    """What an expectation in no parts has to see."""
    import numpy as np
    import pandas as pd

    if scope.columns is None:
        declared = [name for name in spool.names if name not in DERIVED]
        return next(spool.frames(declared, keep=keep, at_most=1))
    if not scope.columns:
        rows = len(spool) if keep is None else int(keep.sum())
        return pd.DataFrame({"row": np.ones(rows, dtype=bool)})
    frames = spool.frames(scope.columns, keep=keep)
    if scope.distinct:
        return pd.concat([frame.drop_duplicates() for frame in frames]).drop_duplicates()
    return pd.concat(frames, ignore_index=not scope.by_row)
