"""Name the gates of a trial whose thresholds a constant model passes."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.local.trial.play import Trial
from slipway.spec.metrics import METRICS
from slipway.values.figures import in_few_digits, in_figures


def weak_thresholds(trial: Trial) -> Iterator[str]:
    """Yield a warning for each threshold that is no better than a constant on the holdout."""
    evaluated = trial.find("evaluate")
    if evaluated is None:
        return
    for metric, bar in trial.model.gates.metrics.items():
        constant = evaluated.numbers.get(f"constant.{metric}")
        if bar.threshold is None or not METRICS[metric].has_floor:
            continue
        if not isinstance(constant, int | float):
            continue
        greater = METRICS[metric].greater_is_better
        if (bar.threshold <= constant) if greater else (bar.threshold >= constant):
            side = "above" if greater else "below"
            yield (
                f"Warning: the threshold {in_few_digits(bar.threshold)} of {metric} is not {side} "
                f"{in_figures(constant)}, which a constant reaches on these rows, so a model that "
                f"learnt nothing passes it: set it {side} that in model.yaml."
            )
