"""Give each column of a file its role: key, event time, target, feature, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from slipway.stages.profile.categories import FEWEST_ROWS_EACH, repeats_enough
from slipway.stages.profile.event_time import TimeGuess, guess_event_time, time_of_key
from slipway.stages.profile.identifier_names import is_row_number
from slipway.stages.profile.identity import KeyGuess, guess_key, is_identifier
from slipway.stages.profile.leaks import find_leaks
from slipway.stages.profile.measured import MOST_CATEGORIES, Column, Measured
from slipway.stages.profile.personal_data import personal_data, tells_of_people
from slipway.stages.profile.split_markers import marks_split
from slipway.stages.profile.target import TargetGuess

Role = Literal["key", "event time", "target", "number", "category", "left out", "personal"]


@dataclass(frozen=True)
class Chosen:
    """A column in the plan.

    Attributes:
        column: As it was measured.
        role: What it is to the model.
        why: Why.
        is_leak: Whether it is left out since it tells the target.
    """

    column: Column
    role: Role
    why: str
    is_leak: bool = False


def plan_columns(
    measured: Measured,
    target: TargetGuess,
    *,
    key: KeyGuess | None = None,
    time: TimeGuess | None = None,
    but: Mapping[str, str] = MappingProxyType({}),
) -> tuple[dict[str, Chosen], KeyGuess, TimeGuess]:
    """Return the role of each column, the key and the event time.

    Args:
        measured: The file.
        target: Target.
        key: Key that a person named; None: it is guessed.
        time: Event time that a person named; None: it is guessed.
        but: Columns that can be no features, with the reason.
    """
    columns = measured.columns
    named = (target.column, *(key.columns if key else ()), *(time.columns if time else ()))
    of_people = tells_of_people(columns)
    personal = {
        name: what
        for name, one in columns.items()
        if name not in named and (what := personal_data(one, of_people=of_people)) is not None
    }
    found = time or guess_event_time(columns, but=(target.column, *personal))
    key = key or guess_key(
        columns, but=(target.column, *personal), time=found, rows=measured.sampled
    )
    time = time or time_of_key(columns, key.columns, found)
    chosen: dict[str, Chosen] = {}
    for name, one in columns.items():
        if name == target.column:
            chosen[name] = Chosen(one, "target", target.why)
        elif name in but:
            chosen[name] = Chosen(one, "left out", but[name])
        elif name in personal:
            chosen[name] = Chosen(one, "personal", personal[name])
        else:
            chosen[name] = _chosen(one, key, time)
    able = {name: one.column for name, one in chosen.items() if one.role in {"number", "category"}}
    leaks = find_leaks(able, columns[target.column], is_class=target.task != "regression")
    if len(leaks) < len(able):
        for name, why in leaks.items():
            told = f"it leaks the target: {why}"
            chosen[name] = Chosen(columns[name], "left out", told, is_leak=True)
    return chosen, key, time


def _chosen(column: Column, key: KeyGuess, time: TimeGuess) -> Chosen:
    """A column that is neither the target nor personal, before leaks are looked for."""
    reason = _no_feature(column, key, time)
    if reason is not None:
        return Chosen(column, *reason)
    if column.is_numeric and not _is_code(column):
        return Chosen(column, "number", column.guess.why)
    return Chosen(column, "category", f"{column.distinct:,} categories")


def _is_code(column: Column) -> bool:
    """Whether whole numbers name things: few of them, or many by their name."""
    if column.type != "integer":
        return False
    is_few = column.distinct <= MOST_CATEGORIES and column.name.lower().endswith("id")
    return is_few or is_identifier(column)


def _no_feature(column: Column, key: KeyGuess, time: TimeGuess) -> tuple[Role, str] | None:
    """Why a column is no feature; None where it can be one."""
    name = column.name
    if key.columns == (name,):
        return "key", key.why
    if name in time.columns and column.type != "integer" and not _is_number_of(name, time):
        return "event time", time.why
    if is_word_of_a_spec(name, key, time):
        return "left out", "its name has another meaning in the spec: rename it in the file"
    if marks_split(column):
        return "left out", "it marks the rows of a split, and describes none"
    why = _why_left_out(column)
    return None if why is None else ("left out", why)


def _is_number_of(name: str, time: TimeGuess) -> bool:
    """Whether a text is a number of the calendar or the clock, such as a month, or its name."""
    what = dict(zip(time.columns, time.parts, strict=False)).get(name)
    return what is not None and what not in {"date", "time"}


def is_word_of_a_spec(name: str, key: KeyGuess, time: TimeGuess) -> bool:
    """Return whether `key: row` or `event_time: arrival` would mean a column of that name."""
    return (name == "row" and not key.columns) or (name == "arrival" and not time.columns)


def _why_left_out(column: Column) -> str | None:
    if column.type == "timestamp":
        return "a second time is no number and no category"
    if column.distinct < 2:  # noqa: PLR2004 - nothing to tell apart
        return "it has no value" if not column.distinct else "it has one value only"
    if is_row_number(column):
        return "it counts the rows of this file"
    if column.is_counter and is_identifier(column):
        return "it counts rows and describes none"
    names_things = column.type == "string" or is_identifier(column)
    if names_things and not repeats_enough(column):
        return (
            "it looks like an identifier or free text: a value has fewer than "
            f"{FEWEST_ROWS_EACH} rows, {column.distinct:,} different ones in {column.known:,} rows"
        )
    return None
