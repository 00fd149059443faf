"""Choose the columns that the row as a key does not cover: those that a request may lack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from slipway.stages.profile.event_time import TimeGuess
from slipway.stages.profile.identity import KeyGuess
from slipway.stages.profile.roles import Chosen, is_word_of_a_spec

if TYPE_CHECKING:
    import pandas as pd

_FEW = 0.01
"""Share of rows that may be equal in what a model takes before other columns tell them apart."""


def outside_row_key(
    columns: Mapping[str, Chosen], key: KeyGuess, time: TimeGuess
) -> frozenset[str]:
    """Return the columns that `key: row` leaves out; empty where columns are the key.

    A model is asked with its features and the event time, so these make the key. Leaks are known
    only later, and so may a second time be. What else is left out of the model, such as a name,
    is covered where many rows are equal without it.

    Args:
        columns: Columns with their roles.
        key: Key.
        time: Event time.
    """
    if key.columns:
        return frozenset()
    left = {
        name: one
        for name, one in columns.items()
        if one.role == "left out"
        and not one.column.is_counter
        and name not in time.columns
        and not is_word_of_a_spec(name, key, time)
    }
    later = {name for name, one in left.items() if one.is_leak or one.column.type == "timestamp"}
    others = [name for name in left if name not in later]
    asked = [name for name, one in columns.items() if _is_asked(name, one, time)]
    needed = others and _equal_rows(columns, asked) - _equal_rows(columns, [*asked, *others]) > _FEW
    return frozenset(later if needed else left)


def _is_asked(name: str, one: Chosen, time: TimeGuess) -> bool:
    return one.role in {"number", "category"} or name in time.columns


def _equal_rows(columns: Mapping[str, Chosen], names: Iterable[str]) -> float:
    """Share of the sampled rows that repeat an earlier one."""
    frame = _frame(columns, names)
    return float(frame.duplicated().mean()) if frame.shape[1] else 1.0


def _frame(columns: Mapping[str, Chosen], names: Iterable[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: columns[name].column.sample for name in names})
