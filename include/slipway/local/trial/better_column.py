"""Warn of a model that ranks the target worse than one of its columns does alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slipway.records.verdicts import Number
from slipway.stages.gates.checks.single_feature import BEST, COLUMN, MODEL
from slipway.stages.gates.gate_numbers import finite


def better_column(numbers: Mapping[str, Number]) -> Iterator[str]:
    """Yield the column that ranks the target better than the model, with both figures.

    Args:
        numbers: Numbers of the evaluation.
    """
    alone, model = finite(numbers.get(BEST)), finite(numbers.get(MODEL))
    if alone is not None and model is not None and alone > model:
        yield (
            f"Warning: {numbers.get(COLUMN)} alone ranks the target better ({alone:.3f}) than the "
            f"model ({model:.3f}): the model learns noise, or too little; try fewer or shallower "
            "trees, a linear estimator, or `search`."
        )
