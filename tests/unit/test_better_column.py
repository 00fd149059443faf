"""A trial warns of a column that ranks the target better than the model."""

from __future__ import annotations

from slipway.local.trial.better_column import better_column


def test_a_column_above_the_model_is_named_with_both_figures() -> None:
    """One below it, or of a model whose rank is not known, is not."""
    numbers = {
        "single_feature": 0.773,
        "single_feature.model": 0.707,
        "single_feature.column": "int_rate",
    }
    [told] = better_column(numbers)
    assert told.startswith(
        "Warning: int_rate alone ranks the target better (0.773) than the model (0.707): "
    )
    assert not list(better_column(numbers | {"single_feature.model": 0.78}))
    assert not list(better_column(numbers | {"single_feature.model": None}))
    assert not list(better_column({}))
