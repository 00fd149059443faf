"""Figures of a challenger in each slice, whether or not there is a champion to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.records.verdicts import Number
from slipway.spec.metrics import METRICS
from slipway.stages.gates.check import Contest
from slipway.stages.gates.gate_numbers import finite
from slipway.stages.model.aliases import CHALLENGER
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    from slipway.stages.gates.holdout_slices import Mask

MEASURED, LOWEST = "slices.measured", "slices.lowest"
"""Slices with a figure, and the name of the one with the worst; with `.rows` and `.value`."""


@dataclass(frozen=True)
class SliceFigure:
    """The challenger's first metric in one slice.

    Attributes:
        name: Name of the slice.
        rows: Its holdout rows.
        value: Metric; None where it cannot be computed on them.
    """

    name: str
    rows: int
    value: float | None


def figures_of(contest: Contest, metric: str, masks: Mapping[str, Mask]) -> list[SliceFigure]:
    """Return the challenger's figure in each slice, the worst first.

    Args:
        contest: Challenger and holdout.
        metric: Metric.
        masks: Rows of each slice, by its name.
    """
    answers = contest.answers(CHALLENGER, metric)
    if answers is None:
        return []
    actual, scores = answers
    found = [
        SliceFigure(
            name,
            int(mask.sum()),
            contest.tools.measure([metric], actual=actual[mask], scores=scores[mask])[metric],
        )
        for name, mask in masks.items()
    ]
    sign = 1.0 if METRICS[metric].greater_is_better else -1.0
    return sorted(found, key=lambda one: float("inf") if one.value is None else sign * one.value)


def figure_numbers(figures: Sequence[SliceFigure]) -> dict[str, Number]:
    """Return how many slices have a figure, and the worst one.

    Args:
        figures: Figures by slice, the worst first.
    """
    known = [one for one in figures if one.value is not None]
    numbers: dict[str, Number] = {MEASURED: len(known)}
    if known:
        worst = known[0]
        numbers |= {
            LOWEST: worst.name,
            f"{LOWEST}.rows": worst.rows,
            f"{LOWEST}.value": worst.value,
        }
    return numbers


def format_lowest(metric: str, numbers: Mapping[str, Number]) -> str | None:
    """Return the slice with the worst figure in words; None where there is none.

    Args:
        metric: First metric of the gates.
        numbers: Numbers of the evaluation, or of the gates.
    """
    value, rows = finite(numbers.get(f"{LOWEST}.value")), finite(numbers.get(f"{LOWEST}.rows"))
    if value is None or rows is None:
        return None
    return (
        f"the worst of {numbers.get(MEASURED)} slices is {numbers.get(LOWEST)}, with {metric} "
        f"{in_figures(value)} on {rows:,.0f} rows"
    )
