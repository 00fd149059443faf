"""Gates: decide from numbers alone whether a trained model becomes challenger; pure.

A number that cannot be computed refuses: no verdict comes from a default.
Thresholds have the meaning of MLflow's `MetricThreshold`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal

from slipway.records.verdicts import Number, Verdict
from slipway.spec.gates import Gates
from slipway.spec.metrics import METRICS
from slipway.stages.gates.checks import CHECKS, checked_numbers
from slipway.stages.gates.gate_numbers import (
    BLOCK_UNIT,
    BLOCKS,
    CLASSES,
    CONSTANT,
    LOST,
    POSITIVE_ROWS,
    UNSEEN_ROWS,
    WAIVED,
    MeasuredGain,
    baseline,
    finite,
    gain_names,
    need,
    prior_names,
    read_gain,
)
from slipway.stages.model.agreement import EVIDENCE
from slipway.stages.model.aliases import CHALLENGER, CHAMPION
from slipway.stages.train.gate_rules import (
    RULES,
    Figures,
    in_words,
    may_relax,
    missed_threshold,
    no_better_than_constant,
)
from slipway.stages.train.holdout_reuse import REUSED
from slipway.values.figures import in_figures, in_signed_figures

GateAction = Literal["promote", "refuse", "inconclusive"]


def gate(gates: Gates, numbers: Mapping[str, Number]) -> Verdict:
    """Return `promote` when every gate holds, else `refuse` or `inconclusive` with the reasons.

    Args:
        gates: Thresholds and comparisons by metric.
        numbers: `rows`, `champion.version` (None: there is no champion), and
            `challenger.<metric>`, `champion.<metric>`, `constant.<metric>`. Of metrics that are
            compared with their error `blocks` and `gain.<metric>.…`. `champion.lost` is the
            version of a champion that the registry lost, `champion.waived` one that its request
            leaves out. How far challenger and champion differ (`disagreement`) is passed on to
            the verdict, for the rollout.
    """
    compared = _compared(gates, numbers)
    failures = [*_uncomputable(gates, numbers)]
    if not failures:
        failures = [one for metric in gates.metrics for one in _failures(gates, metric, numbers)]
        failures += [one for check in CHECKS for one in check.failures(gates, numbers)]
    if failures:
        return Verdict("refuse", f"A gate does not hold: {'; '.join(failures)}.", compared)
    undecided = [*_inconclusive(gates, numbers)]
    undecided += [one for check in CHECKS for one in check.undecided(gates, numbers)]
    if undecided:
        return Verdict("inconclusive", f"No gate decides: {'; '.join(undecided)}.", compared)
    return Verdict("promote", f"Every gate holds: {_format_comparison(gates, numbers)}.", compared)


def _uncomputable(gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
    """Numbers that are missing; while there is one, nothing is compared."""
    rows = finite(numbers.get("rows"))
    if rows is None:
        yield "the number of holdout rows is not known"
    elif rows < gates.min_holdout_rows:
        yield f"{rows:,.0f} common holdout rows are fewer than {gates.min_holdout_rows:,}"
    if "champion.version" not in numbers:
        yield "it is not known whether there is a champion"
    lost = numbers.get(LOST)
    if lost is not None:
        yield (
            f"the champion, version {lost}, is lost in the registry, so nothing is compared with "
            "it; restore it, or ask again with `without_champion`"
        )
    against = baseline(numbers)
    for metric in gates.metrics:
        floor = [CONSTANT] if metric in gates.above_constant else []
        for who in dict.fromkeys([CHALLENGER, against, *floor]):
            if finite(numbers.get(f"{who}.{metric}")) is None:
                yield f"{metric} of the {who} cannot be computed{_one_class(metric, numbers)}"


def _one_class(metric: str, numbers: Mapping[str, Number]) -> str:
    """Return that one class is the reason, where it is; else nothing."""
    rows, positive = numbers.get("rows"), numbers.get(POSITIVE_ROWS)
    if not METRICS[metric].needs_both_classes or not rows:
        return ""
    if numbers.get(CLASSES) == 1:
        return f": the labels of all {rows:,} rows are of one class"
    if positive not in {0, rows}:
        return ""
    return f": the labels of all {rows:,} rows are {1 if positive else 0}"


def _failures(gates: Gates, metric: str, numbers: Mapping[str, Number]) -> Iterator[str]:
    """Yield why one metric refuses; its figures are finite."""
    figures = Figures.of(gates, metric, numbers)
    is_relaxed = gates.when_champion_fails == "relax" and may_relax(
        figures, constant=finite(numbers.get(f"{CONSTANT}.{metric}"))
    )
    yield from missed_threshold(figures, is_relaxed=is_relaxed)
    if figures.against == CONSTANT:
        yield from no_better_than_constant(figures)
        return
    if metric in gates.above_constant:
        value = need(numbers, f"{CONSTANT}.{metric}")
        yield from no_better_than_constant(replace(figures, other=value, against=CONSTANT))
    compare = gates.compare(metric)
    if compare is None or (metric in gates.resampled and _is_undecided(gates, metric, numbers)):
        return
    yield from RULES[compare](figures)


def _is_undecided(gates: Gates, metric: str, numbers: Mapping[str, Number]) -> bool:
    blocks = finite(numbers.get(BLOCKS))
    is_few = blocks is None or blocks < gates.min_blocks
    return is_few or read_gain(numbers, metric) is None


def _inconclusive(gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
    """Yield why metrics cannot be compared with their error."""
    if baseline(numbers) == CONSTANT or not gates.needs_blocks:
        return
    blocks = finite(numbers.get(BLOCKS))
    if blocks is None:
        yield "the number of blocks of holdout rows is not known"
    elif blocks < gates.min_blocks:
        missing = gates.min_blocks - blocks
        yield (
            f"{in_words(numbers)} of common holdout rows are fewer than {gates.min_blocks}, "
            f"{missing:,.0f} more are missing (a longer `training.holdout_days`, or labels of "
            "more of them, or `compare: point`)"
        )
    else:
        for metric in gates.resampled:
            if read_gain(numbers, metric) is None:
                yield f"the error of the gain in {metric} cannot be computed"


def _compared(gates: Gates, numbers: Mapping[str, Number]) -> dict[str, Number]:
    """The numbers that the verdict keeps; None in place of one that is not finite."""
    names = [
        "rows",
        POSITIVE_ROWS,
        CLASSES,
        UNSEEN_ROWS,
        "champion.version",
        LOST,
        WAIVED,
        BLOCKS,
        BLOCK_UNIT,
        REUSED,
        *EVIDENCE,
    ]
    for metric in gates.metrics:
        names += [f"{who}.{metric}" for who in (CHALLENGER, CHAMPION, CONSTANT)]
        names += [*gain_names(metric), *prior_names(metric)]
    kept = {name: numbers[name] for name in names if name in numbers} | checked_numbers(numbers)
    return {name: _finite_or_none(value) for name, value in kept.items()}


def _finite_or_none(value: Number) -> Number:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _format_comparison(gates: Gates, numbers: Mapping[str, Number]) -> str:
    compared = [_format_metric(gates, metric, numbers) for metric in gates.metrics]
    shown = f"{', '.join(compared)} on {numbers['rows']:,} rows that neither had seen"
    shown = "; ".join([shown, *(one for check in CHECKS for one in check.passed(gates, numbers))])
    shown += _format_reuse(numbers)
    waived = numbers.get(WAIVED)
    if waived is None:
        return shown
    return f"{shown}; the champion, version {waived}, is lost and was left out as requested"


def _format_reuse(numbers: Mapping[str, Number]) -> str:
    """Return how many challengers were judged on rows of this holdout before; else nothing."""
    former = numbers.get(REUSED)
    if not former:
        return ""
    return (
        f"; {former} former challenger{'' if former == 1 else 's'} "
        f"{'was' if former == 1 else 'were'} judged on some of these rows"
    )


def _decisive(gates: Gates, figures: Figures, gain: MeasuredGain) -> str:
    """What of the gain let the challenger pass, in words."""
    if gates.compare(figures.metric) == "expected_gain":
        return f"expected {in_signed_figures(gain.expected(figures.prior))}"
    return f"at least {in_signed_figures(gain.lower)}"


def _format_metric(gates: Gates, metric: str, numbers: Mapping[str, Number]) -> str:
    figures = Figures.of(gates, metric, numbers)
    told = f"{figures.against} {in_figures(figures.other)}"
    if figures.against == CHAMPION and metric in gates.resampled and figures.gain is not None:
        told += f", {_decisive(gates, figures, figures.gain)} by {figures.sample}"
    if figures.misses_threshold(figures.challenger):
        told += f"; both miss the threshold {figures.bar.threshold:g}, which was relaxed"
    return f"{figures.measured} ({told})"
