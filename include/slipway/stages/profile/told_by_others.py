"""How well the other columns of a file predict one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from slipway.spec.metrics import Task
from slipway.stages.profile.identity import is_identifier
from slipway.stages.profile.measured import Column
from slipway.stages.profile.quick_model import QuickFit, Reached
from slipway.stages.profile.target import TaskGuess

MOST_ROWS = 3000
_MOST_CATEGORIES = 200


def told_by_others(
    columns: Mapping[str, Column], fit: QuickFit
) -> Callable[[Column, TaskGuess], float]:
    """Return a function that gives the share of a column that all others tell.

    Args:
        columns: Columns of the file.
        fit: Fits a quick model.
    """
    usable = [one for one in columns.values() if _is_usable(one)]

    def tells(column: Column, task: TaskGuess) -> float:
        import numpy as np

        rows = column.sample.index[:: -(-len(column.sample) // MOST_ROWS)]
        features = {one.name: one.sample[rows] for one in usable if one.name != column.name}
        newest = np.random.default_rng(0).random(len(rows)) < 0.25  # noqa: PLR2004 - a quarter
        reached = fit(
            features,
            column.sample[rows],
            newest=newest,
            task=task.task,
            positive=task.positive,
        )
        return share_told(reached, task.task)

    return tells


def share_told(reached: Reached | None, task: Task) -> float:
    """Return what a model saves of a constant's errors: 1 is all of them, 0 none."""
    if reached is None:
        return 0.0
    if task == "regression":
        constant = reached.constant["mean_absolute_error"]
        return max(0.0, 1 - reached.quick["mean_absolute_error"] / constant) if constant else 0.0
    constant = reached.constant["balanced_accuracy"]
    return max(0.0, (reached.quick["balanced_accuracy"] - constant) / (1 - constant))


def _is_usable(column: Column) -> bool:
    if column.type == "timestamp" or is_identifier(column):
        return False
    return column.is_numeric or column.distinct <= _MOST_CATEGORIES
