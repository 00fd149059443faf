"""Set the gates of a plan by a quick model that is judged as training would judge it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.spec.labels import Label
from slipway.spec.training import Training
from slipway.stages.profile.bars import Bar, choose_bar, constant_metrics, metrics_for
from slipway.stages.profile.categories import choose_encoding
from slipway.stages.profile.estimator_of_plan import Recipe, choose_trees
from slipway.stages.profile.measured import Column
from slipway.stages.profile.quick_model import QuickFit, Reached
from slipway.stages.profile.roles import Chosen
from slipway.stages.profile.target import TargetGuess

if TYPE_CHECKING:
    import numpy as np


def reach_quickly(
    columns: Mapping[str, Chosen],
    target: TargetGuess,
    label: Column,
    *,
    newest: np.ndarray[Any, Any],
    rows: int,
    fit: QuickFit | None,
) -> Reached | None:
    """Return what a quick model reaches that learns as the written one does.

    Args:
        columns: Columns, with their roles.
        target: Target.
        label: Its column.
        newest: Whether each row of the sample is held out.
        rows: Rows of the whole file.
        fit: Fits it; None: nothing can, and None is returned.
    """
    if fit is None:
        return None
    used = {name: one.column for name, one in columns.items() if one.role in {"number", "category"}}
    encodings = {
        name: choose_encoding(one).encoding
        for name, one in used.items()
        if columns[name].role == "category"
    }
    return fit(
        {name: one.sample for name, one in used.items()},
        label.sample,
        newest=newest,
        task=target.task,
        positive=target.positive,
        recipe=Recipe(choose_trees(rows), Training().seed, encodings),
    )


def choose_bars(
    target: TargetGuess,
    label: Column,
    *,
    reached: Reached | None,
    shares: Mapping[Label, float],
    rows: int,
) -> tuple[Bar, ...]:
    """Return the gates of a plan, the one that monitoring watches first."""
    names = metrics_for(target.task, shares, positive=target.positive)
    spread, constant = 1.0, {} if reached is None else dict(reached.constant)
    if shares:
        constant = constant_metrics(target.task, shares, positive=target.positive) | constant
    else:
        values = label.sample.astype(float)
        spread = float(values.std())
        constant.setdefault(names[0], float((values - values.mean()).abs().mean()))
    rows = rows if reached is None else reached.rows
    return tuple(
        choose_bar(
            name,
            reached=None if reached is None else reached.quick.get(name),
            constant=constant[name],
            rows=telling_rows(rows, shares),
            spread=spread,
        )
        for name in names
    )


def telling_rows(rows: int, shares: Mapping[Label, float]) -> int:
    """Return how many rows of two equal classes tell as much: of a rare class few rows do.

    Args:
        rows: Rows of the holdout.
        shares: Share of the rows of each class; empty for a number.
    """
    if len(shares) != 2:  # noqa: PLR2004 - two classes
        return rows
    one, other = shares.values()
    return max(1, round(4 * rows * one * other))
