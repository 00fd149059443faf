"""Slices and groups of a window's rows, measured and told as the gates do on a holdout.

They are findings of their own beside the verdict on all rows: they alert, and request nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records.verdicts import Number
from slipway.spec.logged_columns import logged_name
from slipway.spec.metrics import has_classes
from slipway.stages.gates.checks.fairness import (
    BLOCKS,
    LIMITS,
    FairnessCheck,
    badness,
    fairness_numbers,
    limits_digest,
)
from slipway.stages.gates.checks.slices import WORSE, WORST, SliceGain, slice_numbers
from slipway.stages.gates.holdout_groups import groups_of
from slipway.stages.gates.holdout_slices import slices_of
from slipway.stages.model.predicted_classes import predicted_classes
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import ModelSpec
    from slipway.spec.fairness import Fairness
    from slipway.spec.gates import Gates
    from slipway.spec.slices import Slices
    from slipway.stages.monitor.labels.judged_rows import JudgedRows
    from slipway.stages.ports.gate_tools import GateTools
    from slipway.stages.ports.metrics import Resampling


@dataclass(frozen=True)
class GroupFindings:
    """What was found in slices and groups.

    Attributes:
        numbers: Numbers of the verdict.
        sentences: Findings, and what could not be looked at, each a sentence.
    """

    numbers: Mapping[str, Number]
    sentences: Sequence[str]


def group_columns(spec: ModelSpec) -> tuple[str, ...]:
    """Return the columns that slices and groups of the gates are made of."""
    gates = spec.gates
    slices = () if gates.slices is None else gates.slices.used_columns
    groups = () if gates.fairness is None else tuple(gates.fairness.columns)
    return tuple(dict.fromkeys([*slices, *groups]))


def find_in_groups(
    spec: ModelSpec,
    logged: pd.DataFrame,
    rows: JudgedRows,
    scores: np.ndarray[Any, Any],
    *,
    threshold: float,
    resampling: Resampling,
    tools: GateTools,
) -> GroupFindings:
    """Measure the slices and groups of the gates on a window's labelled rows.

    Args:
        spec: The model.
        logged: Logged predictions with a label, in the order of the rows.
        rows: Rows as the metric judges them.
        scores: Scores, of shape (n_rows,), or (n_rows, n_classes).
        threshold: Score above which class 1 is predicted.
        resampling: Blocks of the rows.
        tools: Adapters of the gates.
    """
    multiclass = spec.task == "multiclass"
    names = {one: logged_name(one, multiclass=multiclass) for one in group_columns(spec)}
    missing = [
        one for one, column in names.items() if column not in logged or logged[column].isna().all()
    ]
    present = {one: column for one, column in names.items() if one not in missing}
    frame = logged[list(present.values())].set_axis(list(present), axis=1)
    numbers: dict[str, Number] = {}
    sentences = []
    slices = _present_slices(spec.gates.slices, missing)
    if slices is not None and rows.floor is not None:
        found = _slices(slices, frame, rows, resampling=resampling, tools=tools)
        numbers |= found
        sentences += list(_told_slices(found))
    fairness = spec.gates.fairness
    if fairness is not None and not set(fairness.columns) & set(missing):
        predicted = scores
        if has_classes(spec.task):
            predicted = predicted_classes(scores, threshold=threshold)
        groups = _fairness(fairness, frame, rows, predicted, resampling=resampling, tools=tools)
        numbers |= groups
        sentences += list(_told_fairness(spec.gates, groups))
    if missing:
        sentences.append(f"Not looked at by group, since the log lacks it: {', '.join(missing)}.")
    return GroupFindings(numbers, sentences)


def _present_slices(slices: Slices | None, missing: Sequence[str]) -> Slices | None:
    """The slices whose columns the log has; None without one."""
    if slices is None:
        return None
    columns = [one for one in slices.columns if one not in missing]
    named = {
        name: conditions
        for name, conditions in slices.named.items()
        if not conditions.keys() & set(missing)
    }
    if not columns and not named:
        return None
    return slices.model_copy(update={"columns": columns, "named": named})


def _slices(
    slices: Slices,
    frame: pd.DataFrame,
    rows: JudgedRows,
    *,
    resampling: Resampling,
    tools: GateTools,
) -> dict[str, Number]:
    """Gains over the best constant of all rows by slice, with bounds for all at once."""
    masks = slices_of(frame, slices)
    found = tools.gains.of_slices(
        rows.metric,
        slices=masks,
        actual=rows.truth,
        challenger=rows.scores,
        other=rows.constant,
        resampling=resampling,
    )
    gains = [SliceGain(one, int(masks[one].sum()), gain) for one, gain in found.items()]
    return slice_numbers(gains, max_loss=slices.max_loss)


def _told_slices(numbers: Mapping[str, Number]) -> Iterator[str]:
    if not numbers.get(WORST):
        return
    name, gain = numbers[WORST], float(numbers[f"{WORST}.value"] or 0)
    count = f"{numbers[f'{WORST}.rows']:,} rows"
    if numbers.get(WORSE):
        yield (
            f"Finding: in the slice {name} it is shown to be worse than a constant, by "
            f"{in_figures(-gain)} on {count}."
        )
    else:
        yield f"Its worst slice is {name}, {in_figures(gain)} above a constant on {count}."


def _fairness(
    fairness: Fairness,
    frame: pd.DataFrame,
    rows: JudgedRows,
    predicted: np.ndarray[Any, Any],
    *,
    resampling: Resampling,
    tools: GateTools,
) -> dict[str, Number]:
    found = tools.fairness(
        fairness.metrics,
        groups=groups_of(frame, fairness),
        actual=rows.truth.to_numpy(),
        challenger=predicted,
        other=None,
        min_rows=fairness.min_rows,
        resampling=resampling,
    )
    ordered = sorted(found, key=lambda one: badness(one, fairness))
    told: dict[str, Number] = {LIMITS: limits_digest(fairness), BLOCKS: resampling.count}
    return told | fairness_numbers(ordered, fairness)


def _told_fairness(gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
    for failure in FairnessCheck().failures(gates, numbers):
        yield f"Finding: {failure}."
