"""Gates that compare with the champion: by the bounds of the gain, not by two figures."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.records.verdicts import Number, Verdict
from slipway.spec.gates import Gates
from slipway.spec.training import Training
from slipway.stages.gates.gate_numbers import gain_numbers
from slipway.stages.ports.metrics import Gain
from slipway.stages.train.gates import gate
from tests.support.training_env import spec

BETTER = {"roc_auc": {"threshold": 0.6}}


def _judge(
    metrics: dict[str, Any],
    gain: Gain | None,
    *,
    champion: float = 0.70,
    blocks: Number = 28,
    **numbers: Number,
) -> Verdict:
    """Verdict on a challenger whose AUC is greater by a gain."""
    value = 0.0 if gain is None else gain.value
    given: dict[str, Number] = {
        "rows": 9_000,
        "champion.version": 4,
        "challenger.roc_auc": champion + value,
        "champion.roc_auc": champion,
        "blocks": blocks,
        "blocks.unit": "day",
        **gain_numbers("roc_auc", gain),
        **numbers,
    }
    return gate(Gates.model_validate({"metrics": metrics, "sanity": False}), given)


def _gain(value: float, lower: float) -> Gain:
    return Gain(value, lower, 2 * value - lower, (value - lower) / 1.7, 28.0)


def test_a_gain_that_chance_explains_is_refused() -> None:
    """Its figure is better; what the days allow to say is in the reason."""
    verdict = _judge(BETTER, _gain(0.005, -0.010))
    assert verdict.action == "refuse"
    assert verdict.reason == (
        "A gate does not hold: roc_auc 0.7050 is not shown to be better than the champion's "
        "0.7000: by 28 days its gain of 0.0050 lies between -0.0100 and 0.0200 (a true gain of "
        "0.022 is found in 8 of 10 cases)."
    )


def test_a_gain_beyond_chance_is_promoted() -> None:
    """The reason has the bound that decided."""
    verdict = _judge(BETTER, _gain(0.03, 0.012))
    assert verdict.action == "promote"
    assert "roc_auc 0.7300 (champion 0.7000, at least +0.0120 by 28 days)" in verdict.reason
    assert verdict.numbers["gain.roc_auc.lower"] == 0.012


@pytest.mark.parametrize(
    ("bar", "lower", "action"),
    [
        ({"compare": "better"}, 0.001, "promote"),
        ({"compare": "better"}, -0.001, "refuse"),
        ({"compare": "better", "min_absolute_change": 0.005}, 0.004, "refuse"),
        ({"compare": "better", "min_absolute_change": 0.005}, 0.006, "promote"),
        ({"compare": "better", "min_relative_change": 0.01}, 0.006, "refuse"),
        ({"min_absolute_change": -0.02}, -0.019, "promote"),
        ({"min_absolute_change": -0.02}, -0.021, "refuse"),
        ({"compare": "not_worse", "margin": 0.01}, -0.009, "promote"),
        ({"compare": "not_worse", "margin": 0.01}, -0.011, "refuse"),
        ({"compare": "point", "min_absolute_change": 0.0}, -0.2, "promote"),
    ],
)
def test_each_rule_has_its_own_bar(bar: dict[str, Any], lower: float, action: str) -> None:
    """`better` and `not_worse` by the lower bound, `point` by the figures alone."""
    assert _judge({"roc_auc": bar}, _gain(0.01, lower)).action == action


def test_a_loss_counts_in_its_own_direction() -> None:
    """A gain is positive where a loss is smaller."""
    numbers: dict[str, Number] = {
        "rows": 900,
        "champion.version": 4,
        "challenger.log_loss": 0.50,
        "champion.log_loss": 0.55,
        "blocks": 28,
        "blocks.unit": "day",
        **gain_numbers("log_loss", _gain(0.05, 0.01)),
    }
    gates = Gates.model_validate(
        {"metrics": {"log_loss": {"min_absolute_change": 0.0}}, "sanity": False}
    )
    assert gate(gates, numbers).action == "promote"


@pytest.mark.parametrize("blocks", [19, 1])
def test_too_few_days_decide_nothing(blocks: int) -> None:
    """However large the gain is; the reason says how many are missing."""
    verdict = _judge(BETTER, None, blocks=blocks)
    assert verdict.action == "inconclusive"
    assert f"{20 - blocks} more are missing" in verdict.reason
    assert f"{blocks} day{'s' if blocks > 1 else ''} of common holdout rows" in verdict.reason


def test_a_challenger_below_its_threshold_is_refused_on_any_number_of_days() -> None:
    """That needs no comparison."""
    numbers: dict[str, Number] = {"challenger.roc_auc": 0.55}
    verdict = _judge(BETTER, None, blocks=3, **numbers)
    assert verdict.action == "refuse"
    assert "0.5500 is below the threshold 0.6" in verdict.reason


def test_an_error_that_cannot_be_computed_decides_nothing() -> None:
    """No verdict comes from a default."""
    verdict = _judge(BETTER, None)
    assert verdict.action == "inconclusive"
    assert "the error of the gain in roc_auc cannot be computed" in verdict.reason


def test_only_the_first_metric_is_compared_without_a_word() -> None:
    """Others guard by their threshold, unless they ask for a change or a comparison."""
    gates = Gates.model_validate(
        {
            "metrics": {
                "roc_auc": {"threshold": 0.6},
                "log_loss": {"threshold": 0.7},
                "accuracy": {"min_absolute_change": 0.0},
                "brier_score": {"compare": "not_worse", "margin": 0.01},
            }
        }
    )
    found = [gates.compare(name) for name in gates.metrics]
    assert found == ["better", None, "better", "not_worse"]
    assert gates.resampled == ("roc_auc", "accuracy", "brier_score")


@pytest.mark.parametrize(
    ("when", "gain", "action", "told"),
    [
        ("relax", _gain(0.04, 0.01), "promote", "both miss the threshold 0.6, which was relaxed"),
        ("relax", _gain(0.04, -0.01), "refuse", "is below the threshold 0.6, which the champion"),
        ("refuse", _gain(0.04, 0.01), "refuse", "which the champion misses too, with 0.5000"),
        ("relax", _gain(-0.04, -0.08), "refuse", "0.4600 is below the threshold 0.6"),
    ],
)
def test_a_threshold_that_the_champion_misses_does_not_lock_it_in(
    when: str, gain: Gain, action: str, told: str
) -> None:
    """A better challenger passes by default; the verdict says that both miss it."""
    gates = Gates.model_validate({"metrics": BETTER, "when_champion_fails": when, "sanity": False})
    numbers = {**_judge(BETTER, gain, champion=0.5).numbers, "constant.roc_auc": 0.5}
    verdict = gate(gates, numbers)
    assert verdict.action == action
    assert told in verdict.reason


def test_two_bad_models_that_differ_by_chance_relax_nothing() -> None:
    """Nor does one that is shown to be better, and worse than a constant."""
    point = {"roc_auc": {"threshold": 0.6, "compare": "point", "min_absolute_change": 0.0}}
    numbers = {**_judge(point, None, champion=0.30).numbers, "challenger.roc_auc": 0.31}
    gates = Gates.model_validate({"metrics": point})
    assert gate(gates, {**numbers, "constant.roc_auc": 0.5}).action == "refuse"
    shown = {**_judge(BETTER, _gain(0.1, 0.05), champion=0.3).numbers, "constant.roc_auc": 0.5}
    assert gate(Gates.model_validate({"metrics": BETTER}), shown).action == "refuse"


def test_a_holdout_that_can_never_decide_is_warned_of() -> None:
    """`slipway check` says so before a year of refusals does."""
    from slipway.spec.warnings import model_warnings

    assert Training().holdout_days >= Gates.model_validate({"metrics": BETTER}).min_blocks
    short = spec(gates={"metrics": BETTER}, training={"holdout_days": 14})
    assert any("at most 14 blocks of a day" in warning for warning in model_warnings(short, None))
    for gates in (
        {"metrics": {"roc_auc": {"threshold": 0.6, "compare": "point"}}},
        {"metrics": BETTER, "blocks": "hour"},
        {"metrics": BETTER, "cluster": "route"},
    ):
        assert not list(model_warnings(spec(gates=gates, training={"holdout_days": 14}), None))
