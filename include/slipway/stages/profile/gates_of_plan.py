"""Set the gates of a plan by a quick model that is judged as training would judge it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.spec.labels import Label
from slipway.stages.profile.bars import Bar, choose_bar, constant_metrics, metrics_for
from slipway.stages.profile.measured import Column
from slipway.stages.profile.quick_model import QuickFit, Reached
from slipway.stages.profile.roles import Chosen
from slipway.stages.profile.sizes import HELD_OUT, Sizes
from slipway.stages.profile.target import TargetGuess

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def held_out_rows(
    sizes: Sizes, times: pd.Series[Any] | None, columns: Mapping[str, Chosen]
) -> np.ndarray[Any, Any]:
    """Return which rows of the sample are held out, as training would hold them out.

    Args:
        sizes: Split, and days of the holdout.
        times: Event times; None: the arrival.
        columns: Columns, with their roles.
    """
    import numpy as np
    import pandas as pd

    if sizes.split == "time" and times is not None:
        newest = times.max() - pd.Timedelta(days=sizes.holdout_days)
        return np.asarray((times >= newest).fillna(value=False), bool)
    # Equal rows are on one side, so that no twin tells a label.
    groups = distinct_rows(columns)
    drawn = np.random.default_rng(0).random(int(groups.max()) + 1)
    held: np.ndarray[Any, Any] = drawn[groups] < HELD_OUT
    return held


def distinct_rows(columns: Mapping[str, Chosen]) -> np.ndarray[Any, Any]:
    """Return a number for each row of the sample: equal ones in all but the target have one."""
    import pandas as pd

    told = {
        name: one.column.sample
        for name, one in columns.items()
        if one.role not in {"target", "personal"} and not one.column.is_counter
    }
    if not told:
        rows = next(iter(columns.values())).column.sample
        return pd.factorize(rows.index)[0]
    digests = pd.util.hash_pandas_object(pd.DataFrame(told), index=False)
    return pd.factorize(digests)[0]


def reach_quickly(
    columns: Mapping[str, Chosen],
    target: TargetGuess,
    label: Column,
    *,
    newest: np.ndarray[Any, Any],
    fit: QuickFit | None,
) -> Reached | None:
    """Return what a quick model reaches with the features; None where nothing can be fitted."""
    if fit is None:
        return None
    used = {
        name: one.column.sample
        for name, one in columns.items()
        if one.role in {"number", "category"}
    }
    return fit(used, label.sample, newest=newest, task=target.task, positive=target.positive)


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
    return tuple(
        choose_bar(
            name,
            reached=None if reached is None else reached.quick.get(name),
            constant=constant[name],
            rows=rows if reached is None else reached.rows,
            spread=spread,
        )
        for name in names
    )
