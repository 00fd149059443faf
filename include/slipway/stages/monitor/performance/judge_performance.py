"""Decide whether a champion has decayed in a window, from what was measured; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from slipway.records.verdicts import Number, Verdict
from slipway.stages.model.left_out import format_left_out
from slipway.stages.monitor.performance.decay_sequence import error_numbers
from slipway.stages.monitor.performance.loss import Loss
from slipway.stages.monitor.performance.window_groups import GroupFindings
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    from slipway.spec.monitoring import Monitoring, Performance
    from slipway.stages.ports.metrics import Gain


@dataclass(frozen=True)
class RealisedPerformance:
    """Realised performance of one window.

    Attributes:
        predicted: Number of predicted keys.
        labelled: Number of them with a label.
        value: Metric on these; None when it cannot be computed.
        constant: Metric of the best constant in hindsight on the same rows.
        loss: Loss against the comparator; None when it cannot be told.
        missing: Why it cannot.
        over_constant: Gain over the constant; None where it cannot be computed, or where the
            metric measures none.
        left_out: Number of predictions that were left out, by reason.
        unseen: Number of labels of a class that the version does not know; each of them counts as
            a wrong answer.
        are_of_one_kind: Whether all labels are the same.
        groups: What was found in slices and groups.
        odd_scores: Number of judged rows with a score that is no finite number.
    """

    predicted: int
    labelled: int
    value: float | None
    constant: float | None
    loss: Loss | None
    missing: str = ""
    over_constant: Gain | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    unseen: int = 0
    are_of_one_kind: bool = False
    groups: GroupFindings = field(default_factory=lambda: GroupFindings({}, ()))
    odd_scores: int = 0

    @property
    def coverage(self) -> float:
        """Share of the predicted keys that have a label."""
        return self.labelled / self.predicted if self.predicted else 0.0


def judge_performance(realised: RealisedPerformance, monitoring: Monitoring) -> Verdict:
    """Decide whether a champion has decayed in a window; pure.

    It has where the whole interval of its loss is beyond the margin, or where it is shown to be
    worse than a constant.
    """
    numbers: dict[str, Number] = {
        "predicted": realised.predicted,
        "labelled": realised.labelled,
        "coverage": round(realised.coverage, 4),
        **realised.left_out,
        **({"unseen_class": realised.unseen} if realised.unseen else {}),
    }
    told = "".join(_told(realised))
    if why := _why_undecided(realised, monitoring):
        return Verdict("inconclusive", f"{why}.{told}", numbers)
    loss, value = realised.loss, realised.value
    if loss is None or value is None:
        raise AssertionError(why)
    performance = monitoring.performance
    numbers |= _numbers(realised, value, loss, performance)
    numbers |= realised.groups.numbers
    reach = loss.reach(performance.confidence)
    lower, upper = loss.value - reach, loss.value + reach
    allowed, metric = in_figures(performance.max_absolute_drop), performance.metric
    summary = (
        f"{metric} is {in_figures(value)} on {realised.labelled:,} labelled predictions, where "
        f"{loss.against} {in_figures(loss.expected)}"
    )
    between = f"worse by {_range(loss.value, lower, upper)}"
    told = f"{loss.note}{told}"
    if lower > performance.max_absolute_drop:
        beyond = f"{between}, beyond the {allowed} allowed"
        return Verdict("decayed", f"{summary}: {beyond}.{told}", numbers)
    gain = realised.over_constant
    if gain is not None and gain.upper < 0:
        worse = f"worse than a constant by {_range(-gain.value, -gain.upper, -gain.lower)}"
        return Verdict("decayed", f"{summary}: {worse}.{told}", numbers)
    found = in_figures(loss.detectable(performance.max_absolute_drop, performance.confidence))
    shown = f"{between}, not shown to be beyond the {allowed} allowed"
    if loss.value <= 0:
        shown = f"better by {_range(-loss.value, -upper, -lower)}"
    power = f" A loss of {found} would be found in 8 of 10 such windows."
    return Verdict("ok", f"{summary}: {shown}.{power}{told}", numbers)


def _why_undecided(realised: RealisedPerformance, monitoring: Monitoring) -> str:
    """Why nothing can be told of a window; empty where it can."""
    labelled, predicted = realised.labelled, realised.predicted
    if labelled < monitoring.min_rows:
        return (
            f"{labelled} of {predicted} predictions have labels; {monitoring.min_rows} are needed "
            "to tell"
        )
    if realised.are_of_one_kind and labelled < predicted:
        return (
            f"The {labelled:,} labels that {predicted:,} predictions have so far are all the same; "
            "labels of one kind may come sooner than others, so they tell nothing yet"
        )
    metric = monitoring.performance.metric
    if realised.value is None:
        return f"{_why_unknown(realised, metric)}, so nothing can be compared"
    if realised.loss is None:
        return realised.missing or f"{metric} cannot be compared on these rows"
    return ""


def _why_unknown(realised: RealisedPerformance, metric: str) -> str:
    if realised.odd_scores:
        odd = "score is no finite number" if realised.odd_scores == 1 else "scores are not finite"
        return f"{metric} is not known, since {realised.odd_scores:,} {odd}"
    if realised.are_of_one_kind:
        return f"{metric} is not known, since all {realised.labelled:,} labels are the same"
    return f"{metric} is not known on these rows"


def _told(realised: RealisedPerformance) -> Iterator[str]:
    yield format_left_out(realised.left_out)
    if realised.unseen:
        yield (
            f" {realised.unseen:,} labels are of a class that the version was not trained for, and "
            "count as wrong answers."
        )
    yield from (f" {one}" for one in realised.groups.sentences)


def _numbers(
    realised: RealisedPerformance, value: float, loss: Loss, performance: Performance
) -> dict[str, Number]:
    reach = loss.reach(performance.confidence)
    allowed = performance.max_absolute_drop
    numbers: dict[str, Number] = {
        performance.metric: round(value, 6),
        "comparator": performance.comparator,
        "promised": round(loss.expected, 6),
        "drop": round(loss.value, 6),
        "drop_lower": round(loss.value - reach, 6),
        "drop_upper": round(loss.value + reach, 6),
        "max_absolute_drop": allowed,
        "detectable_drop": round(loss.detectable(allowed, performance.confidence), 6),
        "blocks": loss.blocks,
        "block": loss.unit,
    }
    for name, error in (("own", loss.own), ("shared", loss.shared)):
        if error is not None:
            numbers |= error_numbers(name, error)
    if realised.constant is not None:
        numbers["constant"] = round(realised.constant, 6)
    return numbers


def _range(value: float, lower: float, upper: float) -> str:
    return f"{in_figures(value)} (between {in_figures(lower)} and {in_figures(upper)})"
