"""Names of the numbers that evaluation hands to the gates, and how they are read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from slipway.errors import NotComputable
from slipway.records.verdicts import Number
from slipway.stages.model.aliases import CHAMPION
from slipway.stages.ports.metrics import Gain

CONSTANT = "constant"
LOST, WAIVED = "champion.lost", "champion.waived"
"""Version of a champion that the registry lost, and of one that the request leaves out."""

POSITIVE_ROWS = "rows.positive"
"""Rows whose label is 1, of a classification."""

CLASSES, UNSEEN_ROWS = "rows.classes", "rows.unseen_class"
"""Classes among the labels of a multi-class model, and rows of classes unknown to it."""

BLOCKS, BLOCK_UNIT = "blocks", "blocks.unit"
"""Number of blocks of holdout rows, and what a block is."""

GAIN = "gain"
POWER_QUANTILE = 0.8416
"""Standard normal quantile of 80 %."""


@dataclass(frozen=True)
class NormalPrior:
    """Normal prior of a true gain, as the numbers hold it.

    Attributes:
        mean: Its mean.
        deviation: Its standard deviation.
    """

    mean: float
    deviation: float


@dataclass(frozen=True)
class MeasuredGain:
    """Gain of the challenger over the champion in one metric, as the numbers hold it.

    Attributes:
        value: Gain; positive where the challenger is better.
        lower: Lower one-sided bound.
        upper: Upper one-sided bound.
        error: Standard error.
    """

    value: float
    lower: float
    upper: float
    error: float

    def expected(self, prior: NormalPrior | None) -> float:
        """Mean of the true gain, given the measured one and a normal prior.

        Source:
            Gelman et al. 2013, Bayesian Data Analysis, 2.5.
        """
        if prior is None or self.error == 0:
            return self.value
        own, former = self.error**-2, prior.deviation**-2
        return (own * self.value + former * prior.mean) / (own + former)

    @property
    def detectable(self) -> float:
        """Smallest true gain whose lower bound is above 0 in 8 of 10 cases."""
        return self.value - self.lower + POWER_QUANTILE * self.error


_FIELDS = ("value", "lower", "upper", "error")


def gain_names(metric: str) -> tuple[str, ...]:
    """Return the names of a metric's gain among the numbers."""
    return tuple(f"{GAIN}.{metric}.{field}" for field in _FIELDS)


def gain_numbers(metric: str, gain: Gain | None) -> dict[str, Number]:
    """Return a gain as numbers; each is None where it cannot be computed."""
    return {
        name: None if gain is None else getattr(gain, field)
        for name, field in zip(gain_names(metric), _FIELDS, strict=True)
    }


def read_gain(numbers: Mapping[str, Number], metric: str) -> MeasuredGain | None:
    """Return a metric's gain; None where it cannot be computed."""
    found = [finite(numbers.get(name)) for name in gain_names(metric)]
    known = [one for one in found if one is not None]
    return MeasuredGain(*known) if len(known) == len(_FIELDS) else None


def prior_names(metric: str) -> tuple[str, ...]:
    """Return the names of a metric's prior among the numbers."""
    return tuple(f"prior.{metric}.{field}" for field in ("mean", "deviation", "count"))


def prior_numbers(metric: str, prior: NormalPrior | None, *, count: int) -> dict[str, Number]:
    """Return a prior that some former challengers tell as numbers; None: they are too few."""
    fields = (None, None) if prior is None else (prior.mean, prior.deviation)
    return dict(zip(prior_names(metric), (*fields, count), strict=True))


def read_prior(numbers: Mapping[str, Number], metric: str) -> NormalPrior | None:
    """Return a metric's prior; None where there is none."""
    mean, deviation = (finite(numbers.get(name)) for name in prior_names(metric)[:2])
    return None if mean is None or not deviation else NormalPrior(mean, deviation)


def baseline(numbers: Mapping[str, Number]) -> str:
    """Return what the challenger is compared with: the champion, or a constant without one."""
    return CHAMPION if numbers.get("champion.version") is not None else CONSTANT


def finite(value: Number) -> float | None:
    """Return a number as a float; None where it is none, or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def need(numbers: Mapping[str, Number], name: str) -> float:
    """Return a number.

    Raises:
        NotComputable: It is missing or not finite.
    """
    value = finite(numbers[name])
    if value is None:
        raise NotComputable(f"{name} cannot be computed")
    return value
