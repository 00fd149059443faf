"""Bars of `slipway new`: passable by the model that was measured, and refused to a constant."""

from __future__ import annotations

import pytest

from slipway.stages.profile.bars import choose_bar, describe_signal
from slipway.stages.profile.gates_of_plan import telling_rows
from slipway.values.figures import in_few_digits, in_figures


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "accuracy"])
@pytest.mark.parametrize("rows", [20, 300, 100_000])
@pytest.mark.parametrize("reached", [None, 0.3, 0.51, 0.8, 1.0])
def test_a_bar_can_be_passed_and_refuses_a_constant(
    metric: str, rows: int, reached: float | None
) -> None:
    """It is above what a constant reaches, and not above a quick model that is better."""
    bar = choose_bar(metric, reached=reached, constant=0.5, rows=rows, spread=1.0)
    assert bar.threshold > 0.5
    assert bar.threshold <= (reached if (reached or 0) > 0.5 else 0.6)
    assert bar.drop > 0


@pytest.mark.parametrize("constant", [0.533, 0.5334999, 0.5330001])
@pytest.mark.parametrize("reached", [None, 0.4, 0.53, 0.534, 0.56])
@pytest.mark.parametrize("rows", [36, 400, 20_000])
def test_a_bar_is_above_the_constant_after_rounding(
    constant: float, reached: float | None, rows: int
) -> None:
    """By a slack that depends on the rows, also where the quick model was no better."""
    bar = choose_bar("accuracy", reached=reached, constant=constant, rows=rows, spread=1.0)
    gain = (reached or 0.0) - constant
    slack = 0.1 / rows**0.5 if gain <= 0 else min(0.5 / rows**0.5, gain / 2)
    assert bar.threshold > constant + slack / 2


def test_a_bar_without_a_signal_is_on_the_better_side_and_says_so() -> None:
    """A threshold of 24.5 was worse than the constant's 24.47, which no model needs to beat."""
    bar = choose_bar("mean_absolute_error", reached=24.91, constant=24.47, rows=300, spread=30.0)
    assert 24.0 < bar.threshold < 24.47
    assert describe_signal(bar) == (
        "a constant reaches 24.47 and a quick model 24.91, which is no better: no signal was found"
    )
    near = choose_bar("accuracy", reached=0.9961, constant=0.996, rows=300, spread=1.0)
    assert 0.996 < near.threshold < 1
    assert "hardly better" in describe_signal(near)


def test_a_rare_class_has_few_telling_rows() -> None:
    """Of 1,000 rows with 1 % of class 1 as many as of 40 with two equal classes."""
    assert telling_rows(1000, {"no": 0.99, "yes": 0.01}) == 40
    assert telling_rows(1000, {"no": 0.5, "yes": 0.5}) == 1000
    assert telling_rows(1000, {}) == 1000


@pytest.mark.parametrize(
    ("value", "figures", "digits"),
    [
        (104072.3355, "104,072", "104,072"),
        (24.4712, "24.47", "24.47"),
        (0.73125, "0.7312", "0.7312"),
        (-0.00001, "0.0000", "-1e-05"),
        (0.0, "0.0000", "0"),
        (5.0, "5.0000", "5"),
    ],
)
def test_figures_have_four_digits_and_thousands(value: float, figures: str, digits: str) -> None:
    """Neither `104072.3355` nor `1.008e+05` nor `-0.0000`."""
    assert (in_figures(value), in_few_digits(value)) == (figures, digits)


@pytest.mark.parametrize("reached", [None, 40.0, 99.9, 100.0, 120.0])
def test_an_error_has_its_bar_below_that_of_a_constant(reached: float | None) -> None:
    """The direction is that of the metric."""
    bar = choose_bar("mean_absolute_error", reached=reached, constant=100.0, rows=300, spread=120.0)
    assert min(reached or 90.0, 90.0) < bar.threshold < 100.0
