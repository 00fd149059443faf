"""Model gates: a pure function, MLflow's threshold words, and refusal of missing numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.models import MetricThreshold
from mlflow.models.evaluation import EvaluationResult
from mlflow.models.evaluation.validation import validate_evaluation_results

from slipway.records.verdicts import Number
from slipway.spec.gates import Gates, Threshold
from slipway.spec.sanity import Sanity
from slipway.stages.train.gates import gate

VALUES = st.floats(-10, 10, allow_nan=False) | st.sampled_from([0.0, 0.5, 0.6, 0.7, 1.0])
CHANGES = st.floats(0.001, 2) | st.sampled_from([0.1, 0.5])
THRESHOLDS = st.builds(
    Threshold,
    compare=st.just("point"),
    greater_is_better=st.booleans(),
    threshold=st.none() | VALUES,
    min_absolute_change=st.none() | CHANGES,
    min_relative_change=st.none() | st.floats(0, 1),
)
SLIPWAYS_OWN = {"compare", "margin", "cost_of_change", "cost_of_keeping", "prior"}
"""Fields of a threshold that MLflow has no word for."""
NOT_JUDGED = Sanity.model_validate(obj=False)
MISSING = st.sampled_from([None, math.nan, math.inf, "0.7", True])


def _metric(bar: Threshold) -> str:
    """A metric of the bar's direction."""
    return "roc_auc" if bar.greater_is_better else "log_loss"


def _gates(bar: Threshold) -> Gates:
    return Gates(
        metrics={_metric(bar): bar},
        min_holdout_rows=100,
        when_champion_fails="refuse",
        sanity=NOT_JUDGED,
    )


def _numbers(
    challenger: Number,
    *,
    champion: Number = None,
    constant: Number = 0.5,
    rows: Number = 1000,
    metric: str = "roc_auc",
) -> dict[str, Number]:
    """Numbers of an evaluation; with the champion's, there is a champion."""
    numbers: dict[str, Number] = {
        "rows": rows,
        "champion.version": None if champion is None else 4,
        f"challenger.{metric}": challenger,
        f"constant.{metric}": constant,
    }
    return numbers if champion is None else numbers | {f"champion.{metric}": champion}


@given(THRESHOLDS, VALUES, VALUES)
def test_with_a_champion_the_words_mean_what_mlflow_means(
    bar: Threshold, challenger: float, champion: float
) -> None:
    """MLflow's own validation gives the same result for the same threshold."""
    metric, words = _metric(bar), bar.model_dump(exclude=SLIPWAYS_OWN)
    assume(any(value is not None for name, value in words.items() if name != "greater_is_better"))
    try:
        validate_evaluation_results(
            {metric: MetricThreshold(**words)},
            EvaluationResult(metrics={metric: challenger}, artifacts={}),
            EvaluationResult(metrics={metric: champion}, artifacts={}),
        )
        expected = "promote"
    except MlflowException:
        expected = "refuse"
    numbers = _numbers(challenger, champion=champion, metric=metric)
    assert gate(_gates(bar), numbers).action == expected


@given(THRESHOLDS, VALUES, VALUES)
def test_the_first_model_must_beat_the_constant(
    bar: Threshold, challenger: float, constant: float
) -> None:
    """Without a champion a model no better than a constant is refused, whatever its threshold."""
    verdict = gate(_gates(bar), _numbers(challenger, constant=constant, metric=_metric(bar)))
    if verdict.action == "promote":
        better = challenger > constant if bar.greater_is_better else challenger < constant
        assert better


@given(THRESHOLDS, MISSING, VALUES, st.sampled_from(["rows", "challenger", "champion"]))
def test_what_cannot_be_computed_is_refused(
    bar: Threshold, missing: Number, value: float, which: str
) -> None:
    """The verdict names the missing number."""
    numbers = _numbers(value, champion=value, metric=_metric(bar))
    numbers[which if which == "rows" else f"{which}.{_metric(bar)}"] = missing
    verdict = gate(_gates(bar), numbers)
    assert verdict.action == "refuse"
    assert "cannot be computed" in verdict.reason or "is not known" in verdict.reason


@given(THRESHOLDS, VALUES, st.sampled_from(["rows", "champion.version", "challenger"]))
def test_a_number_that_is_not_there_is_refused(bar: Threshold, value: float, which: str) -> None:
    """An evaluation that does not record whether there is a champion is refused."""
    numbers = _numbers(value, metric=_metric(bar))
    del numbers[f"challenger.{_metric(bar)}" if which == "challenger" else which]
    assert gate(_gates(bar), numbers).action == "refuse"


@given(THRESHOLDS, VALUES, VALUES, st.integers(0, 99))
def test_too_few_rows_are_refused(
    bar: Threshold, challenger: float, champion: float, rows: int
) -> None:
    """Too few rows prove nothing, whatever the numbers."""
    numbers = _numbers(challenger, champion=champion, rows=rows, metric=_metric(bar))
    verdict = gate(_gates(bar), numbers)
    assert verdict.action == "refuse"
    assert f"{rows} common holdout rows" in verdict.reason


@given(THRESHOLDS, VALUES, VALUES, st.floats(0, 5))
def test_a_better_challenger_is_never_refused_where_a_worse_one_passed(
    bar: Threshold, challenger: float, champion: float, gain: float
) -> None:
    """Passing is monotone in the challenger's metric."""
    better = challenger + gain if bar.greater_is_better else challenger - gain
    before = _numbers(challenger, champion=champion, metric=_metric(bar))
    if gate(_gates(bar), before).action == "promote":
        after = _numbers(better, champion=champion, metric=_metric(bar))
        assert gate(_gates(bar), after).action == "promote"


@given(THRESHOLDS, VALUES | MISSING, VALUES | MISSING)
def test_every_verdict_can_be_written_down(
    bar: Threshold, challenger: Number, champion: Number
) -> None:
    """NaN and infinity are written as null."""
    verdict = gate(_gates(bar), _numbers(challenger, champion=champion, metric=_metric(bar)))
    floats = [value for value in verdict.numbers.values() if isinstance(value, float)]
    assert all(math.isfinite(value) for value in floats)


def test_a_change_of_zero_lets_an_equal_challenger_pass() -> None:
    """`min_absolute_change: 0` means: at least as good as the champion."""
    bar = Threshold(greater_is_better=True, threshold=0.6, compare="point", min_absolute_change=0.0)
    assert gate(_gates(bar), _numbers(0.7, champion=0.7)).action == "promote"
    assert gate(_gates(bar), _numbers(0.7, champion=0.70001)).action == "refuse"


@pytest.mark.parametrize(
    ("challenger", "champion", "reason"),
    [
        (0.55, None, "roc_auc 0.5500 is below the threshold 0.6"),
        (0.65, 0.70, "roc_auc 0.6500 is not better than the champion's 0.7000 by at least 0.01"),
        (0.70, math.nan, "roc_auc of the champion cannot be computed"),
    ],
)
def test_a_refusal_lists_what_does_not_hold(
    challenger: float, champion: float | None, reason: str
) -> None:
    """One sentence has the failed comparison with its numbers."""
    bar = Threshold(
        greater_is_better=True, threshold=0.6, compare="point", min_absolute_change=0.01
    )
    verdict = gate(_gates(bar), _numbers(challenger, champion=champion))
    assert verdict.action == "refuse"
    assert reason in verdict.reason


def test_every_gate_has_to_hold() -> None:
    """One failed metric refuses the challenger, however good the others are."""
    gates = Gates(
        metrics={
            "roc_auc": Threshold(threshold=0.6),
            "log_loss": Threshold(threshold=0.5),
        },
        sanity=NOT_JUDGED,
    )
    numbers = _numbers(0.9) | {"challenger.log_loss": 0.6, "constant.log_loss": 0.7}
    verdict = gate(gates, numbers)
    assert verdict.action == "refuse"
    assert verdict.reason == "A gate does not hold: log_loss 0.6000 is above the threshold 0.5."
    assert gate(gates, numbers | {"challenger.log_loss": 0.4}).action == "promote"


def test_the_gate_hands_on_how_far_the_two_differ() -> None:
    """The gate ignores it, and a rollout needs it."""
    bar = Threshold(greater_is_better=True, threshold=0.6, compare="point")
    numbers = _numbers(0.7, champion=0.6) | {"disagreement": 0.02, "disagreement.spread": math.inf}
    compared = gate(_gates(bar), numbers).numbers
    assert (compared["disagreement"], compared["disagreement.spread"]) == (0.02, None)
