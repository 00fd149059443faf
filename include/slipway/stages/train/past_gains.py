"""Prior of a challenger's true gain: from what challengers of this model gained before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.gates.gate_numbers import MeasuredGain, NormalPrior, prior_numbers, read_gain

Entry = Mapping[str, Any]

LEAST_PAST = 5
"""Fewer challengers tell no prior."""


def priors(gates: Gates, entries: Sequence[Entry], *, run: str) -> dict[str, Number]:
    """Return what former challengers tell of metrics that are judged by their expected gain.

    Args:
        gates: Gates of the model; a metric with a prior of its own needs none.
        entries: Ledger of the model.
        run: Run of the present challenger, which does not count.
    """
    found: dict[str, Number] = {}
    for metric, bar in gates.metrics.items():
        if gates.compare(metric) == "expected_gain" and bar.prior is None:
            past = list(_past(entries, metric, run=run))
            found |= prior_numbers(metric, fit_prior(past), count=len(past))
    return found


def fit_prior(past: Sequence[MeasuredGain]) -> NormalPrior | None:
    """Fit the true gains' normal distribution by moments; None of too few; pure.

    What the gains vary by more than their errors explain is the true gains' variance.

    Args:
        past: Gains of former challengers.

    Source:
        DerSimonian and Laird 1986, Meta-analysis in clinical trials.
    """
    if len(past) < LEAST_PAST:
        return None
    weights = [1 / max(one.error**2, 1e-18) for one in past]
    total = sum(weights)
    pooled = sum(w * one.value for w, one in zip(weights, past, strict=True)) / total
    spread = sum(w * (one.value - pooled) ** 2 for w, one in zip(weights, past, strict=True))
    scale = total - sum(w**2 for w in weights) / total
    variance = max(0.0, (spread - (len(past) - 1)) / scale)
    shares = [1 / (variance + one.error**2 + 1e-18) for one in past]
    mean = sum(w * one.value for w, one in zip(shares, past, strict=True)) / sum(shares)
    # Of few challengers a variance of 0 is no proof that all are alike.
    least = fmean(one.error**2 for one in past) / len(past)
    return NormalPrior(mean, max(variance, least) ** 0.5)


def _past(entries: Sequence[Entry], metric: str, *, run: str) -> Iterator[MeasuredGain]:
    for entry in entries:
        fact = entry["fact"]
        if fact.get("stage") == "evaluate" and fact.get("run") != run:
            gain = read_gain(fact.get("numbers", {}), metric)
            if gain is not None:
                yield gain
