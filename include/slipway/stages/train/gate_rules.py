"""Rules of a gate: threshold, and how the challenger compares with the champion; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from slipway.records.verdicts import Number
from slipway.spec.gates import Compare, Gates, Threshold
from slipway.spec.metrics import METRICS
from slipway.stages.gates.gate_numbers import (
    BLOCK_UNIT,
    BLOCKS,
    MeasuredGain,
    NormalPrior,
    baseline,
    finite,
    need,
    read_gain,
    read_prior,
)
from slipway.stages.model.aliases import CHALLENGER, CHAMPION
from slipway.values.figures import in_figures

# MLflow's fallback where a champion's value of 0 makes a relative change meaningless.
BETTER_THAN_ZERO = 1e-10


@dataclass(frozen=True)
class Figures:
    """Figures of one metric: the challenger's beside those that it is compared with.

    Attributes:
        metric: Name of the metric.
        bar: Its gate.
        challenger: Value of the challenger.
        other: Value of the champion, or of a constant without one.
        against: `champion` or `constant`.
        gain: Gain over the champion with its error; None: not computed.
        prior: What former challengers gained; None: not known.
        sample: Rows or blocks in words, as `28 days`.
    """

    metric: str
    bar: Threshold
    challenger: float
    other: float
    against: str
    gain: MeasuredGain | None
    prior: NormalPrior | None
    sample: str

    @classmethod
    def of(cls, gates: Gates, metric: str, numbers: Mapping[str, Number]) -> Figures:
        """Read the figures of a metric from the numbers of an evaluation; all are finite."""
        against = baseline(numbers)
        return cls(
            metric,
            gates.metrics[metric],
            need(numbers, f"{CHALLENGER}.{metric}"),
            need(numbers, f"{against}.{metric}"),
            against,
            read_gain(numbers, metric),
            prior_of(gates.metrics[metric], metric, numbers),
            in_words(numbers),
        )

    @property
    def sign(self) -> float:
        """1 where greater is better, else -1."""
        return 1.0 if METRICS[self.metric].greater_is_better else -1.0

    @property
    def measured(self) -> str:
        """The challenger's value in words."""
        return f"{self.metric} {in_figures(self.challenger)}"

    @property
    def others(self) -> str:
        """The other's value in words."""
        return in_figures(self.other)

    def misses_threshold(self, value: float) -> bool:
        """Return whether a value is on the wrong side of the threshold."""
        bar = self.bar.threshold
        return bar is not None and self.sign * value < self.sign * bar

    @property
    def needed_gain(self) -> float:
        """Gain that the lower bound has to exceed; negative where some loss is allowed."""
        bar = self.bar
        if bar.margin is not None:
            return -bar.margin
        share = bar.min_relative_change
        relative = None if share is None else share * abs(self.other)
        asked = [one for one in (bar.min_absolute_change, relative) if one is not None]
        return max(asked, default=0.0)


def in_words(numbers: Mapping[str, Number]) -> str:
    """Return the number of blocks in words, as `28 days`."""
    unit, count = numbers.get(BLOCK_UNIT), finite(numbers.get(BLOCKS))
    name, of, column = str(unit or "block").partition(" of ")
    return f"{count or 0:,.0f} {name}{'' if count == 1 else 's'}{of}{column}"


def prior_of(bar: Threshold, metric: str, numbers: Mapping[str, Number]) -> NormalPrior | None:
    """Return the prior of a metric's gain: the spec's own, else that of former challengers."""
    own = bar.prior
    return read_prior(numbers, metric) if own is None else NormalPrior(own.mean, own.deviation)


def may_relax(figures: Figures, *, constant: float | None) -> bool:
    """Return whether a threshold may be relaxed: the champion misses it, and is shown to be worse.

    A challenger that is no better than a constant never passes so.

    Args:
        figures: Figures of the metric.
        constant: Value of a constant; None: not known.
    """
    return (
        figures.against == CHAMPION
        and figures.misses_threshold(figures.other)
        and figures.gain is not None
        and figures.gain.lower > 0
        and constant is not None
        and figures.sign * (figures.challenger - constant) > 0
    )


def missed_threshold(figures: Figures, *, is_relaxed: bool) -> Iterator[str]:
    """Yield that the challenger misses the threshold, unless it is relaxed."""
    if is_relaxed or not figures.misses_threshold(figures.challenger):
        return
    side = "below" if figures.sign > 0 else "above"
    told = f"{figures.measured} is {side} the threshold {figures.bar.threshold:g}"
    if figures.against == CHAMPION and figures.misses_threshold(figures.other):
        told += (
            f", which the champion misses too, with {figures.others} (a challenger passes that is "
            "shown to be better, by `compare: better` and `gates.when_champion_fails: relax`)"
        )
    yield told


def no_better_than_constant(figures: Figures) -> Iterator[str]:
    """Yield that a first model is no better than a constant, by a metric that tells."""
    if not METRICS[figures.metric].has_floor:
        return
    if figures.sign * (figures.challenger - figures.other) <= 0:
        yield f"{figures.measured} is no better than the constant model's {figures.others}"


def by_point(figures: Figures) -> Iterator[str]:
    """Yield the changes that the two figures alone fall short of, as MLflow compares them."""
    bar, gain = figures.bar, figures.sign * (figures.challenger - figures.other)
    better = f"is not better than the champion's {figures.others} by at least"
    needed = bar.min_absolute_change
    if needed is not None and figures.sign * figures.challenger < (
        figures.sign * figures.other + needed
    ):
        yield f"{figures.measured} {better} {needed:g}"
    share = bar.min_relative_change
    if share is not None and _relative_falls_short(gain, figures.other, share):
        yield f"{figures.measured} {better} {share:.2%}"


def by_lower_bound(figures: Figures) -> Iterator[str]:
    """Yield that the lower bound of the gain is not above what is asked for."""
    gain, needed = _need_gain(figures), figures.needed_gain
    if gain.lower > needed:
        return
    if needed < 0:
        told = f"may be worse than the champion's {figures.others} by more than {-needed:.3g}"
    else:
        told = f"is not shown to be better than the champion's {figures.others}"
        told += f" by {needed:.3g}" if needed else ""
    yield f"{figures.measured} {told}: {_bounds(figures, gain)}"


def by_expected_gain(figures: Figures) -> Iterator[str]:
    """Yield that what the gain is expected to be does not outweigh the costs of a change."""
    gain, bar = _need_gain(figures), figures.bar
    expected = gain.expected(figures.prior)
    needed = bar.cost_of_change - bar.cost_of_keeping
    if expected > needed:
        return
    known = "by the holdout alone" if figures.prior is None else "with what is known of former ones"
    yield (
        f"{figures.measured} beside the champion's {figures.others}: a gain of "
        f"{in_figures(expected)} is expected {known}, and more than {needed:.4g} is needed: "
        f"{_bounds(figures, gain)}"
    )


RULES: Mapping[Compare, Callable[[Figures], Iterator[str]]] = {
    "better": by_lower_bound,
    "not_worse": by_lower_bound,
    "expected_gain": by_expected_gain,
    "point": by_point,
}
"""Why a challenger does not pass beside the champion, by the spec's word; one row adds a rule."""


def _bounds(figures: Figures, gain: MeasuredGain) -> str:
    value, lower, upper = map(in_figures, (gain.value, gain.lower, gain.upper))
    return (
        f"by {figures.sample} its gain of {value} lies between {lower} and "
        f"{upper} (a true gain of {gain.detectable:.2g} is found in 8 of 10 cases)"
    )


def _need_gain(figures: Figures) -> MeasuredGain:
    if figures.gain is None:
        raise AssertionError(figures.metric)
    return figures.gain


def _relative_falls_short(gain: float, other: float, share: float) -> bool:
    if other == 0:
        return gain < BETTER_THAN_ZERO
    return gain / abs(other) < share
