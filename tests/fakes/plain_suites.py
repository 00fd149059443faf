"""Some of Great Expectations' expectations, evaluated without it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from slipway.errors import SpecError
from slipway.spec import Expectation
from slipway.spec.expectation_bounds import bounds_text
from slipway.stages.ports.expectations import ExpectationResult, Scope

BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
NOT_NULL = "expect_column_values_to_not_be_null"
MEAN = "expect_column_mean_to_be_between"
ROW_COUNT = "expect_table_row_count_to_be_between"


class PlainSuites:
    """A fake of the `ExpectationSuites` port for the expectations of this file."""

    def scope(self, expectation: Expectation) -> Scope:
        """Rows and columns that an expectation has to see."""
        if expectation.expect not in {BETWEEN, IN_SET, NOT_NULL, MEAN, ROW_COUNT}:
            raise SpecError("an expectation is invalid", found=expectation.expect)
        by_row = expectation.expect in {BETWEEN, IN_SET, NOT_NULL}
        column = expectation.kwargs.get("column")
        return Scope(by_row, in_parts=False, columns=() if column is None else (column,))

    def validate(
        self, parts: Iterable[pd.DataFrame], expectations: Sequence[Expectation]
    ) -> list[ExpectationResult]:
        """Result of each expectation, in their order; it sees all parts at once."""
        frames = list(parts)
        if not frames:
            return []
        return [self._outcome(pd.concat(frames), one) for one in expectations]

    def _outcome(self, frame: pd.DataFrame, expectation: Expectation) -> ExpectationResult:
        rows = self.scope(expectation).by_row
        judged = _broken(frame, expectation) if rows else _observed(frame, expectation)
        column = expectation.kwargs.get("column")
        broken = tuple(frame.index[judged]) if isinstance(judged, pd.Series) else None
        observed = None if isinstance(judged, pd.Series) else float(judged)
        return ExpectationResult(
            expectation=expectation.expect,
            columns=() if column is None else (column,),
            severity=expectation.severity,
            success=_tolerated(frame, broken, expectation)
            if broken is not None
            else _within(observed, expectation.kwargs),
            rows=broken,
            observed=observed,
            bounds=bounds_text(expectation.expect, expectation.kwargs),
        )


def _broken(frame: pd.DataFrame, expectation: Expectation) -> pd.Series:
    values, kwargs = frame[expectation.kwargs["column"]], expectation.kwargs
    if expectation.expect == NOT_NULL:
        return values.isna()
    if expectation.expect == IN_SET:
        return values.notna() & ~values.isin(kwargs["value_set"])
    low, high = (_bound(values, kwargs.get(name)) for name in ("min_value", "max_value"))
    outside = pd.Series(data=False, index=frame.index)
    if low is not None:
        outside |= (values < low).fillna(value=False).astype(bool)
    if high is not None:
        outside |= (values > high).fillna(value=False).astype(bool)
    return outside


def _bound(values: pd.Series, bound: Any) -> Any:
    return pd.Timestamp(bound) if bound and str(values.dtype).startswith("datetime") else bound


def _observed(frame: pd.DataFrame, expectation: Expectation) -> float:
    if expectation.expect == ROW_COUNT:
        return float(len(frame))
    return float(frame[expectation.kwargs["column"]].mean())


def _within(observed: float | None, kwargs: dict[str, Any]) -> bool:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    assert observed is not None
    return (low is None or observed >= low) and (high is None or observed <= high)


def _tolerated(frame: pd.DataFrame, broken: tuple[int, ...], expectation: Expectation) -> bool:
    judged = len(frame)
    if expectation.expect != NOT_NULL:
        judged = int(frame[expectation.kwargs["column"]].notna().sum())
    share = 1 - len(broken) / judged if judged else 1.0
    return bool(share >= expectation.kwargs.get("mostly", 1.0))
