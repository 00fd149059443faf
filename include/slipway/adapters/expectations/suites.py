"""Evaluate a spec's expectations on the parts of a delivery (Great Expectations).

The context is ephemeral: no project folder, no stored results, no Data Docs, nothing sent anywhere.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationValidationResult
from great_expectations.data_context.data_context.ephemeral_data_context import (
    EphemeralDataContext,
)
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.exceptions.exceptions import GreatExpectationsError
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.validator.validator import Validator

from slipway.adapters.expectations.merged_result import MergedResult
from slipway.adapters.expectations.mistakes import check_expectations, mistakes_of, raise_mistakes
from slipway.adapters.expectations.offered import build, scope_of
from slipway.adapters.expectations.plain_integers import (
    takes_plain_integers,
    with_plain_integers,
)
from slipway.errors import SpecError
from slipway.spec import Expectation
from slipway.stages.ports.expectations import ExpectationResult, Scope


class ExpectationSuites:
    """Fulfils the `ExpectationSuites` port."""

    def scope(self, expectation: Expectation) -> Scope:
        """Return which rows and columns an expectation has to see, by its class.

        Raises:
            SpecError: There is no such expectation.
        """
        raise_mistakes(mistakes_of(0, expectation))
        return scope_of(expectation)

    def validate(
        self, parts: Iterable[pd.DataFrame], expectations: Sequence[Expectation]
    ) -> list[ExpectationResult]:
        """Return the outcome of each expectation over all parts, in their order.

        Args:
            parts: Rows in their declared types; outcomes name rows by the frames' index.
            expectations: Expectations of the stream.

        Raises:
            SpecError: One is invalid, or cannot be computed on these columns.
        """
        raise_mistakes(check_expectations(expectations))
        merged = [MergedResult(one, build(one, 0)) for one in expectations]
        context = _context()
        with _garbage_of_parts() as collect:
            for frame in parts:
                results = _evaluate(frame, expectations, context)
                for total, result in zip(merged, results, strict=True):
                    total.add(result)
                collect()
        return [one.outcome() for one in merged]


def _evaluate(
    frame: pd.DataFrame, expectations: Sequence[Expectation], context: EphemeralDataContext
) -> list[ExpectationValidationResult]:
    special = {place for place, one in enumerate(expectations) if takes_plain_integers(one)}
    groups = [(frame, [place for place in range(len(expectations)) if place not in special])]
    if special:
        groups.append((with_plain_integers(frame), sorted(special)))
    results: dict[int, ExpectationValidationResult] = {}
    for rows, places in groups:
        if places:
            found = _evaluate_group(rows, [expectations[place] for place in places], context)
            results |= dict(zip(places, found, strict=True))
    return [results[place] for place in range(len(expectations))]


def _evaluate_group(
    frame: pd.DataFrame, expectations: Sequence[Expectation], context: EphemeralDataContext
) -> list[ExpectationValidationResult]:
    # Batch.validate() computes the same, and hashes all rows for a fingerprint, twice.
    engine = PandasExecutionEngine(batch_data_dict={"part": frame})
    validator = Validator(engine, data_context=context)
    built = [build(one, position).configuration for position, one in enumerate(expectations)]
    with _translate_errors():
        found = validator.graph_validate(
            validator.process_expectations_for_validation(built),
            runtime_configuration={"result_format": {"result_format": "COMPLETE"}},
        )
    # Great Expectations returns results grouped, not in the order they were asked for.
    results = {_position(one): one for one in found}
    return [results[position] for position in range(len(expectations))]


@contextmanager
def _garbage_of_parts() -> Iterator[Callable[[], object]]:
    """Collect what Great Expectations leaves behind after each part: cycles that hold its rows.

    What was there before is not looked at, so a collection takes milliseconds.
    """
    gc.freeze()
    try:
        yield gc.collect
    finally:
        gc.unfreeze()


def _context() -> EphemeralDataContext:
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _position(result: ExpectationValidationResult) -> int:
    meta = result.expectation_config.meta if result.expectation_config else None
    return int((meta or {})["position"])


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (GreatExpectationsError, ValueError, TypeError) as error:
        raise SpecError(
            "the expectations cannot be computed",
            found=type(error).__name__,
            where="expectations.yaml",
        ) from error
