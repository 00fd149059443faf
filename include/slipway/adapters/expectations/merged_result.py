"""Merge the results of one expectation on the parts of a delivery."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from great_expectations.core import ExpectationValidationResult
from great_expectations.expectations.expectation import Expectation as GxExpectation

from slipway.adapters.expectations.offered import ABOUT_NULLS, ROW_LEVEL, columns_of
from slipway.errors import SpecError
from slipway.spec import Expectation
from slipway.spec.expectation_bounds import bounds_text
from slipway.stages.ports.expectations import ExpectationResult


class MergedResult:
    """Results of one expectation on the parts of a delivery.

    Counts of a row-level expectation add up, and whether it is met follows from them as in Great
    Expectations; any other expectation sees one part.
    """

    def __init__(self, expectation: Expectation, built: GxExpectation) -> None:
        self._expectation = expectation
        self._mostly = float(getattr(built, "mostly", 1.0))
        self._by_row = isinstance(built, ROW_LEVEL)
        self._success = True
        self._observed: float | None = None
        self._judged = self._unexpected = 0
        self._rows: list[np.ndarray] = []

    def add(self, result: ExpectationValidationResult) -> None:
        """Add the result on one part."""
        _raise_uncomputed(self._expectation, result)
        found = result.result
        seen = found.get("observed_value")
        # Expectations about quantiles return a numpy.bool, which JSON cannot hold.
        self._success = self._success and bool(result.success)
        self._observed = float(seen) if isinstance(seen, Real) and math.isfinite(seen) else None
        if not self._by_row or "element_count" not in found:
            return
        missing = 0 if self._expectation.expect in ABOUT_NULLS else found.get("missing_count") or 0
        self._judged += found["element_count"] - missing
        self._unexpected += found["unexpected_count"]
        self._rows.append(np.asarray(found.get("unexpected_index_list") or [], dtype=np.int64))

    def outcome(self) -> ExpectationResult:
        """Return the result on all parts together."""
        success = self._success
        if len(self._rows) > 1:
            expected = float(self._judged) - self._unexpected
            success = self._judged == 0 or expected / self._judged >= self._mostly
        rows = tuple(np.concatenate(self._rows).tolist()) if self._rows else None
        return ExpectationResult(
            expectation=self._expectation.expect,
            columns=columns_of(self._expectation),
            severity=self._expectation.severity,
            success=success,
            rows=() if rows is None and self._by_row else rows,
            observed=self._observed,
            bounds=bounds_text(self._expectation.expect, self._expectation.kwargs),
        )


def _raise_uncomputed(expectation: Expectation, result: ExpectationValidationResult) -> None:
    about = result.exception_info or {}
    raised = [one for one in (about, *about.values()) if isinstance(one, dict)]
    raised = [one for one in raised if one.get("raised_exception")]
    if not raised:
        return
    raise SpecError(
        f"{expectation.expect} cannot be computed",
        expected="arguments that fit the values of the column",
        found=f"{_kind_of(raised[0])}, raised by Great Expectations",
        where=", ".join(columns_of(expectation)) or None,
        hint="compare the expectation's arguments with the type in dataset.yaml",
    )


def _kind_of(raised: Mapping[str, Any]) -> str:
    """Class of the exception that came first; its text may quote a value."""
    lines = str(raised.get("exception_traceback") or "").splitlines()
    said = [one for one in lines if one[:1].strip() and not one.startswith("Traceback ")]
    name = said[0].partition(":")[0] if said else ""
    return name if name.replace(".", "").isidentifier() else "an error"
