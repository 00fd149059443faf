"""Evaluate a spec's expectations on a frame in memory (Great Expectations).

The context is ephemeral: no project folder, no stored results, no Data Docs, nothing sent anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from numbers import Real
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations import expectations as gxe
from great_expectations.core import ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.exceptions.exceptions import GreatExpectationsError
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.expectation import Expectation as GxExpectation
from great_expectations.expectations.metadata_types import FailureSeverity

from slipway.errors import SpecError
from slipway.spec import Expectation
from slipway.spec.problems import nearest
from slipway.stages.ports.expectations import ExpectationResult

_ROW_LEVEL = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")
_NOT_FOR_SPECS = {*GxExpectation.__fields__, "batch_id", "condition_parser", "row_condition"}


@dataclass(frozen=True)
class Mistake:
    """An error in how one expectation is written.

    Attributes:
        position: Index in the stream's list, from 0.
        argument: Argument with the error; empty: the expectation as a whole.
        summary: Description of the error.
        nearest: Closest allowed name.
    """

    position: int
    argument: str
    summary: str
    nearest: str | None = None

    def __str__(self) -> str:
        nearest = "" if self.nearest is None else f"; did you mean {self.nearest!r}?"
        about = f"{self.argument}: " if self.argument else ""
        return f"expectation {self.position + 1}: {about}{self.summary}{nearest}"


def check_expectations(expectations: Sequence[Expectation]) -> list[Mistake]:
    """Return the errors in a stream's expectations, by Great Expectations' own definitions."""
    return [
        mistake
        for position, expectation in enumerate(expectations)
        for mistake in _mistakes(position, expectation)
    ]


class ExpectationSuites:
    """Fulfils the `ExpectationSuites` port."""

    def row_level(self, expectation: Expectation) -> bool:
        """Return whether an expectation is evaluated row by row, by its class.

        Raises:
            SpecError: There is no such expectation.
        """
        _raise_mistakes(_mistakes(0, expectation))
        return issubclass(_offered()[expectation.expect], _ROW_LEVEL)

    def validate(
        self, frame: pd.DataFrame, expectations: Sequence[Expectation]
    ) -> list[ExpectationResult]:
        """Return the outcome of each expectation, in their order.

        Args:
            frame: Rows in their declared types; outcomes name rows by the frame's index.
            expectations: Expectations of the stream.

        Raises:
            SpecError: One is invalid, or cannot be computed on these columns.
        """
        if not expectations:
            return []
        _raise_mistakes(check_expectations(expectations))
        suite = gx.ExpectationSuite(
            name="suite",
            expectations=[_build(one, position) for position, one in enumerate(expectations)],
        )
        with _translate_errors():
            found = _batch(frame).validate(suite, result_format={"result_format": "COMPLETE"})
        # Great Expectations returns results grouped, not in the order of the suite.
        results = {_position(one): one for one in found.results}
        return [_outcome(one, results[position]) for position, one in enumerate(expectations)]


def _batch(frame: pd.DataFrame) -> Batch:
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("delivery")
    definition = asset.add_batch_definition_whole_dataframe("whole")
    return definition.get_batch(batch_parameters={"dataframe": frame})


def _position(result: ExpectationValidationResult) -> int:
    meta = result.expectation_config.meta if result.expectation_config else None
    return int((meta or {})["position"])


def _outcome(expectation: Expectation, result: ExpectationValidationResult) -> ExpectationResult:
    _raise_uncomputed(expectation, result)
    seen = result.result.get("observed_value")
    rows = result.result.get("unexpected_index_list")
    return ExpectationResult(
        expectation=expectation.expect,
        columns=_columns(expectation),
        severity=expectation.severity,
        # Expectations about quantiles return a numpy.bool, which JSON cannot hold.
        success=bool(result.success),
        rows=None if rows is None else tuple(int(row) for row in rows),
        observed=float(seen) if isinstance(seen, Real) and math.isfinite(seen) else None,
    )


def _raise_uncomputed(expectation: Expectation, result: ExpectationValidationResult) -> None:
    about = result.exception_info or {}
    raised = [one for one in (about, *about.values()) if isinstance(one, dict)]
    if any(one.get("raised_exception") for one in raised):
        raise SpecError(
            f"{expectation.expect} cannot be computed",
            expected="arguments that fit the type of the column",
            where=", ".join(_columns(expectation)) or None,
            hint="compare the expectation's arguments with the type in dataset.yaml",
        )


def _columns(expectation: Expectation) -> tuple[str, ...]:
    given = [expectation.kwargs.get(name) for name in _COLUMN_ARGUMENTS]
    several = expectation.kwargs.get("column_list") or []
    return tuple(name for name in (*given, *several) if isinstance(name, str))


def _build(expectation: Expectation, position: int) -> GxExpectation:
    kind = _offered()[expectation.expect]
    return kind(
        **expectation.kwargs,
        severity=FailureSeverity(expectation.severity),
        meta={"position": position},
    )


@cache
def _offered() -> dict[str, type[GxExpectation]]:
    """Return classes by the name that specs use, without those that query a database."""
    kinds = (getattr(gxe, name) for name in dir(gxe) if name.startswith("Expect"))
    return {
        kind.expectation_type: kind
        for kind in kinds
        if "query" not in kind.expectation_type and "other_table" not in kind.expectation_type
    }


def _mistakes(position: int, expectation: Expectation) -> Iterator[Mistake]:
    kind = _offered().get(expectation.expect)
    if kind is None:
        summary = f"Great Expectations has no {expectation.expect!r}"
        yield Mistake(position, "", summary, nearest(expectation.expect, _offered()))
        return
    try:
        _build(expectation, position)
    except (ValueError, TypeError) as error:
        yield from _wrong_arguments(position, kind, error)


def _wrong_arguments(
    position: int, kind: type[GxExpectation], error: Exception
) -> Iterator[Mistake]:
    allowed = sorted(set(kind.__fields__) - _NOT_FOR_SPECS)
    details: list[dict[str, Any]] = getattr(error, "errors", list)()
    if not details:
        yield Mistake(position, "", str(error))
    unknown = [one for one in details if one["type"] == "value_error.extra"]
    # Further errors often follow from the misspelt argument.
    for one in unknown or _one_for_each_place(details):
        place = ".".join(str(part) for part in one["loc"] if part != "__root__")
        if one in unknown:
            summary = f"is no argument of {kind.expectation_type}; allowed: {', '.join(allowed)}"
            yield Mistake(position, place, summary, nearest(place, allowed))
        else:
            yield Mistake(position, place, one["msg"])


def _one_for_each_place(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({one["loc"]: one for one in reversed(details)}.values())[::-1]


def _raise_mistakes(mistakes: Sequence[Mistake] | Iterator[Mistake]) -> None:
    found = [str(mistake) for mistake in mistakes]
    if found:
        raise SpecError(
            "an expectation is invalid",
            found="; ".join(found),
            where="expectations.yaml",
            hint="`slipway check` names the line",
        )


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except GreatExpectationsError as error:
        raise SpecError(
            "the expectations cannot be computed",
            found=type(error).__name__,
            where="expectations.yaml",
        ) from error
