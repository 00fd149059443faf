"""Look through a file of which only a sample was profiled: repeated keys and refused cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from slipway.stages.profile.column_types import text_format_of
from slipway.stages.profile.composite_key import longer_keys
from slipway.stages.profile.identity import TOGETHER, KeyGuess
from slipway.stages.profile.measured import Column, to_series
from slipway.stages.profile.roles import Chosen
from slipway.values.arrays import cast_array
from slipway.values.text_format import TextFormat

if TYPE_CHECKING:
    import numpy as np

    from slipway.stages.ports.delivery_source import DeliveredRows, OpenDelivery
    from slipway.stages.profile.new_specs import NewSpecs


_MOST_DIGESTS = 30_000_000
"""Digests of longer keys that are held at once, 8 bytes each."""


def checked_on_every_row(
    plan: NewSpecs,
    open_again: Callable[[], OpenDelivery],
    *,
    is_guessed: bool,
    progress: Callable[[str], None] = lambda _: None,
) -> NewSpecs:
    """Return a plan that also holds for the rows that the sample left out.

    A key that repeats gives way to one of a column more, or to the row as a whole, and whole
    numbers to numbers where some have a fraction. Other cells that are refused are told.

    Args:
        plan: Plan from a sample.
        open_again: Opens the file; once more where a longer key is looked for.
        is_guessed: Whether the key was guessed, so that another one may take its place.
        progress: Shows how far it is.

    Raises:
        BadBatch: The file cannot be read to its end.
    """
    refused, whole = Counter[str](), Counter[str]()
    digests: list[np.ndarray[Any, Any]] = []
    checked = 0
    for rows in open_again().rows(list(plan.columns)):
        for name, one in plan.columns.items():
            if one.column.type != "string":
                refused[name] += _refused(rows, name, one.column, plan)
            if one.column.type == "integer" and refused[name]:
                whole[name] += _refused(rows, name, one.column, plan, kind="number")
        if plan.key.columns:
            digests.append(_key_digests(rows, plan, plan.key.columns))
        checked += rows.count
        progress(f"checking every row: {checked:,} of {plan.measured.rows:,}")
    repeated = _repeats(digests)
    longer = _longer_key(plan, open_again, progress) if repeated and is_guessed else None
    plan = _with_key(plan, repeated) if longer is None else replace(plan, key=longer)
    return _with_refusals(plan, refused, whole)


def _repeats(digests: list[np.ndarray[Any, Any]]) -> int:
    import numpy as np

    every = np.concatenate(digests) if digests else np.zeros(0)
    return len(every) - len(np.unique(every))


def _longer_key(
    plan: NewSpecs, open_again: Callable[[], OpenDelivery], progress: Callable[[str], None]
) -> KeyGuess | None:
    """The key with a column more, where no row of the file repeats it; None without one."""
    if len(plan.key.columns) < 2:  # noqa: PLR2004 - one column that repeats is no part of a key
        return None
    able = {
        name: one.column
        for name, one in plan.columns.items()
        if one.role not in {"target", "personal"}
    }
    rows = plan.measured.rows
    tried = longer_keys(able, plan.key.columns, plan.time, rows)[: _MOST_DIGESTS // max(1, rows)]
    if not tried:
        return None
    digests: dict[tuple[str, ...], list[np.ndarray[Any, Any]]] = {key: [] for key in tried}
    checked = 0
    for block in open_again().rows(list(plan.columns)):
        for key, found in digests.items():
            found.append(_key_digests(block, plan, key))
        checked += block.count
        progress(f"trying longer keys: {checked:,} of {rows:,}")
    fitting = next((key for key, found in digests.items() if not _repeats(found)), None)
    return None if fitting is None else KeyGuess(fitting, TOGETHER)


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


def _key_digests(rows: DeliveredRows, plan: NewSpecs, key: tuple[str, ...]) -> np.ndarray[Any, Any]:
    import pandas as pd

    parts = {
        name: to_series(cast_array(rows.columns[name], column.type, _spelling(column, plan)).values)
        for name in key
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
