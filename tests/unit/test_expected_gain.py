"""`compare: expected_gain`: the holdout, former challengers and costs decide together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from slipway.records import ledger
from slipway.records.verdicts import Number, Verdict
from slipway.spec.gates import Gates, Threshold
from slipway.stages.gates.gate_numbers import MeasuredGain, gain_numbers
from slipway.stages.ports.metrics import Gain
from slipway.stages.train.gates import gate
from slipway.stages.train.past_gains import fit_prior, priors
from tests.fakes.memory_store import MemoryStore

MODEL = "delay"


def _gates(**fields: Any) -> Gates:
    metric = {"compare": "expected_gain", **fields}
    return Gates.model_validate({"metrics": {"roc_auc": metric}, "sanity": False})


def _judge(gates: Gates, value: float, error: float, **more: Number) -> Verdict:
    numbers: dict[str, Number] = {
        "rows": 9_000,
        "champion.version": 4,
        "challenger.roc_auc": 0.7 + value,
        "champion.roc_auc": 0.7,
        "blocks": 28,
        "blocks.unit": "day",
        **gain_numbers("roc_auc", Gain(value, value - 1.7 * error, value + 1.7 * error, error, 28)),
        **more,
    }
    return gate(gates, numbers)


@pytest.mark.parametrize(
    ("fields", "value", "action"),
    [
        ({}, 0.004, "promote"),
        ({}, -0.001, "refuse"),
        ({"cost_of_change": 0.005}, 0.004, "refuse"),
        ({"cost_of_keeping": 0.005}, -0.004, "promote"),
        ({"prior": {"mean": -0.02, "deviation": 0.005}}, 0.004, "refuse"),
        ({"prior": {"mean": 0.02, "deviation": 0.005}}, -0.004, "promote"),
    ],
)
def test_what_is_expected_has_to_outweigh_the_costs(
    fields: dict[str, Any], value: float, action: str
) -> None:
    """With an error of 0.01 a sure prior weighs more than the holdout."""
    verdict = _judge(_gates(**fields), value, 0.01)
    assert verdict.action == action, verdict.reason
    assert "expected" in verdict.reason


def test_the_expectation_is_between_prior_and_holdout() -> None:
    """Each counts by what it tells: a prior as sure as the holdout by half."""
    gates = _gates(prior={"mean": 0.0, "deviation": 0.01})
    assert "expected +0.0100 by 28 days" in _judge(gates, 0.02, 0.01).reason


def _past(store: MemoryStore, gains: list[float], *, error: float) -> None:
    for number, value in enumerate(gains):
        gain = Gain(value, value - error, value + error, error, 28)
        numbers = gain_numbers("roc_auc", gain)
        fact = {"stage": "evaluate", "run": f"request-{number:06d}", "numbers": numbers}
        ledger.enter(store, MODEL, fact)


def test_former_challengers_of_the_model_are_the_prior() -> None:
    """The present one does not count, nor does anything below five."""
    store = MemoryStore()
    _past(store, [0.01, 0.03, 0.02, 0.01, 0.03], error=0.001)
    told = priors(_gates(), ledger.read(store, MODEL), run="request-000009")
    assert told["prior.roc_auc.count"] == 5
    assert told["prior.roc_auc.mean"] == pytest.approx(0.02, abs=1e-6)
    assert told["prior.roc_auc.deviation"] == pytest.approx(0.01, abs=0.001)
    assert _judge(_gates(), -0.01, 0.02, **told).action == "promote"
    few = priors(_gates(), ledger.read(store, MODEL), run="request-000004")
    assert few == {
        "prior.roc_auc.mean": None,
        "prior.roc_auc.deviation": None,
        "prior.roc_auc.count": 4,
    }
    assert _judge(_gates(), -0.01, 0.02, **few).action == "refuse"


def test_a_prior_of_the_spec_needs_no_past() -> None:
    """It is what the team knows, as from a backtest."""
    gates = _gates(prior={"mean": 0.0, "deviation": 0.01})
    assert priors(gates, [], run="request-000001") == {}


def test_the_spread_of_true_gains_is_told_apart_from_their_errors() -> None:
    """In simulated pasts of 40 challengers the fitted deviation is the true one, in the mean."""
    random = np.random.default_rng(5)
    fitted = []
    for _ in range(200):
        true = random.normal(0.004, 0.01, 40)
        errors = random.uniform(0.005, 0.015, 40)
        past = [
            MeasuredGain(value, value, value, error)
            for value, error in zip(random.normal(true, errors), errors, strict=True)
        ]
        prior = fit_prior(past)
        assert prior is not None
        fitted.append((prior.mean, prior.deviation))
    means, deviations = np.array(fitted).T
    assert means.mean() == pytest.approx(0.004, abs=0.0005)
    assert deviations.mean() == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize(
    "fields",
    [
        {"compare": "better", "cost_of_change": 0.1},
        {"cost_of_keeping": 0.1},
        {"compare": "point", "prior": {"mean": 0.0, "deviation": 0.1}},
        {"compare": "expected_gain", "min_absolute_change": 0.1},
        {"compare": "not_worse"},
        {"compare": "better", "margin": 0.1},
    ],
)
def test_words_of_another_rule_are_refused(fields: dict[str, Any]) -> None:
    """A cost that nothing reads is a mistake."""
    with pytest.raises(ValidationError, match="compare"):
        Threshold.model_validate(fields)


def test_a_threshold_that_is_written_out_whole_is_read_again() -> None:
    """Every field is set then; a cost at its default asks for nothing."""
    written = Threshold(compare="better").model_dump()
    assert Threshold.model_validate(written) == Threshold(compare="better")
    with pytest.raises(ValidationError, match="`cost_of_change` is of"):
        Threshold.model_validate({**written, "cost_of_change": 0.1})
