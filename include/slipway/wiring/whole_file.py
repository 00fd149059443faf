"""Look through a file of which only a sample was profiled: repeated keys and refused cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from slipway.stages.profile.column_types import text_format_of
from slipway.stages.profile.identity import KeyGuess
from slipway.stages.profile.measured import Column, to_series
from slipway.stages.profile.roles import Chosen
from slipway.values.arrays import cast_array
from slipway.values.text_format import TextFormat

if TYPE_CHECKING:
    import numpy as np

    from slipway.stages.ports.delivery_source import DeliveredRows, OpenDelivery
    from slipway.stages.profile.new_specs import NewSpecs


def checked_on_every_row(
    plan: NewSpecs, delivery: OpenDelivery, *, progress: Callable[[str], None] = lambda _: None
) -> NewSpecs:
    """Return a plan that also holds for the rows that the sample left out.

    A key that repeats gives way to the row as a whole, and whole numbers to numbers where some
    have a fraction. Other cells that are refused are told.

    Args:
        plan: Plan from a sample.
        delivery: The file, its header read.
        progress: Shows how far it is.

    Raises:
        BadBatch: The file cannot be read to its end.
    """
    import numpy as np

    refused, whole = Counter[str](), Counter[str]()
    digests: list[np.ndarray[Any, Any]] = []
    checked = 0
    for rows in delivery.rows(list(plan.columns)):
        for name, one in plan.columns.items():
            if one.column.type != "string":
                refused[name] += _refused(rows, name, one.column, plan)
            if one.column.type == "integer" and refused[name]:
                whole[name] += _refused(rows, name, one.column, plan, kind="number")
        if plan.key.columns:
            digests.append(_key_digests(rows, plan))
        checked += rows.count
        progress(f"checking every row: {checked:,} of {plan.measured.rows:,}")
    repeated = 0
    if digests:
        every = np.concatenate(digests)
        repeated = len(every) - len(np.unique(every))
    return _with_refusals(_with_key(plan, repeated), refused, whole)


def _spelling(column: Column, plan: NewSpecs) -> TextFormat:
    spelling = column.guess.spelling or plan.measured.spelling
    return text_format_of(spelling, plan.marks, timestamp=column.guess.format)


def _refused(
    rows: DeliveredRows, name: str, column: Column, plan: NewSpecs, *, kind: str | None = None
) -> int:
    found = cast_array(
        rows.columns[name],
        "number" if kind == "number" else column.type,
        _spelling(column, plan),
    )
    return sum(len(one.rows) for one in found.refused)


def _key_digests(rows: DeliveredRows, plan: NewSpecs) -> np.ndarray[Any, Any]:
    import pandas as pd

    parts = {
        name: to_series(cast_array(rows.columns[name], column.type, _spelling(column, plan)).values)
        for name in plan.key.columns
        for column in (plan.columns[name].column,)
    }
    return pd.util.hash_pandas_object(pd.DataFrame(parts), index=False).to_numpy()


def _with_key(plan: NewSpecs, repeated: int) -> NewSpecs:
    if not repeated:
        return plan
    names = ", ".join(plan.key.columns)
    why = f"{names} would be one, but {repeated:,} rows of the file repeat it"
    columns = {
        name: replace(one, role="left out", why=f"it looks like an identifier: {why}")
        if one.role == "key" and one.column.type != "timestamp"
        else one
        for name, one in plan.columns.items()
    }
    return replace(plan, key=KeyGuess((), why), columns=columns)


def _with_refusals(plan: NewSpecs, refused: Counter[str], whole: Counter[str]) -> NewSpecs:
    columns, doubts = dict(plan.columns), list(plan.doubts)
    for name, count in refused.items():
        is_whole = columns[name].column.type == "integer" and name not in plan.identity
        if count and is_whole and not whole[name]:
            columns[name] = _as_number(columns[name])
        elif count > plan.columns[name].column.guess.refused * plan.measured.rows:
            doubts.append(f"{name}: {count:,} cells of the whole file are refused by its type")
    return replace(plan, columns=columns, doubts=tuple(doubts))


def _as_number(one: Chosen) -> Chosen:
    guess = replace(one.column.guess, type="number")
    return replace(one, column=replace(one.column, guess=guess))
