"""Rank the columns of a file by how likely each is what is to be predicted, and say why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from slipway.stages.profile.identifier_names import is_row_number
from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import words
from slipway.stages.profile.protected_attributes import is_protected
from slipway.stages.profile.target import TaskGuess, guess_task
from slipway.stages.profile.target_names import points_of_name
from slipway.stages.profile.things import tells_of_a_thing, things_of

Tells = Callable[[Column, TaskGuess], float]
"""Returns which share of a column the others tell; see `told_by_others`."""

OUTCOMES = frozenset(
    {"good", "bad", "malignant", "benign", "spam", "ham", "churn", "churned", "stayed", "fraud"}
    | {"default", "died", "dead", "alive", "survived", "approved", "rejected", "won", "lost"}
    | {"pass", "fail", "passed", "failed", "<=50k", ">50k", "sick", "healthy", "abnormal"}
    | {"positive", "negative", "attrited customer", "existing customer", "satisfied", "up", "down"}
)
"""Values of a class that say what became of a row."""

_CALENDAR = frozenset(
    {"year", "yr", "month", "mon", "week", "weekday", "day", "dayofweek", "hour", "quarter"}
    | {"season", "of"}
)

_EMPTY = frozenset[str]()
_LAST, _LAST_OF_ABLE, _FIRST = 30, 15, 12
_NAMED = 25
"""Points of a name from which on it says that its column is a target."""

_OUTCOME, _TWO, _ALONE, _RARE, _SPARSE = 35, 8, 25, -25, -30
_RAREST, _MOST_MISSING, _MANY_VALUES = 0.0005, 0.5, 12
_PLAINLY = 0.15


@dataclass(frozen=True)
class Candidate:
    """A column that can be predicted.

    Attributes:
        name: Its name.
        points: How likely it is the target, compared with others.
        named: Points of its name alone.
        why: What speaks for it.
        is_outcome: Whether its values say what became of a row.
    """

    name: str
    points: float
    named: int
    why: str
    is_outcome: bool = False

    @property
    def is_likely(self) -> bool:
        """Whether more than a few points of chance speak for it, as its name or its place."""
        return self.points >= _NAMED


def rank_targets(
    columns: Mapping[str, Column], *, but: Collection[str], tells: Tells | None = None
) -> list[Candidate]:
    """Return the columns that can be predicted, the likeliest first.

    Args:
        columns: Columns of the file.
        but: Columns that are something else: personal data, times, constants, identifiers.
        tells: Tells how well the others predict a column; None: nothing can.
    """
    tasks = {
        name: task
        for name, one in columns.items()
        if name not in but and (task := guess_task(one)) is not None
    }
    given = [name for name in tasks if _is_given(columns[name], tasks[name])]
    # What is known of a row beforehand is a target only where there is nothing else.
    able = [columns[name] for name in tasks if name not in given or len(given) == len(tasks)]
    order = [name for name, one in columns.items() if not is_row_number(one)]
    alone = _only_classes(able, tasks)
    found = [
        _candidate(one, tasks[one.name], order, able, is_alone=one.name == alone) for one in able
    ]
    # Of equals the last one, as later columns happen later.
    found.sort(key=lambda one: (-one.points, -columns[one.name].position))
    if tells is None or not found or found[0].named >= _NAMED or found[0].is_outcome:
        return found
    with_tasks = {one.name: (one, tasks[one.name]) for one in able}
    things = things_of(columns)
    free = [one for one in able if one is able[-1] or not tells_of_a_thing(one, things)]
    return _by_evidence(found, free, alone, with_tasks, tells)


def _candidate(
    column: Column, task: TaskGuess, order: Sequence[str], able: Sequence[Column], *, is_alone: bool
) -> Candidate:
    is_class = task.task != "regression"
    named = 0 if _is_length(column.name, order) else points_of_name(column.name, is_class=is_class)
    points, why = float(named), []
    if named >= _NAMED:
        why.append("its name is that of a target")
    if column.name == order[-1]:
        points, why = points + _LAST, [*why, "it is the last column"]
    elif column is able[-1]:
        points, why = points + _LAST_OF_ABLE, [*why, "it is the last column that can be predicted"]
    elif column.name == order[0]:
        points, why = points + _FIRST, [*why, "it is the first column"]
    is_outcome = is_class and _has_outcomes(column)
    if is_outcome:
        points, why = points + _OUTCOME, [*why, "its values say what became of a row"]
    if is_alone:
        points, why = points + _ALONE, [*why, "it alone has classes"]
    points += _TWO * (column.distinct == 2) + _SPARSE * (column.missing_share > _MOST_MISSING)  # noqa: PLR2004
    if is_class and float(column.counts.iloc[-1]) < _RAREST * column.known:
        points += _RARE
    said = ", and ".join(why) or "it can be predicted"
    return Candidate(column.name, points, named, said, is_outcome)


def _is_given(column: Column, task: TaskGuess) -> bool:
    """Whether it is a part of a date, or tells whose row it is, and is named like no target."""
    is_class = task.task != "regression"
    if points_of_name(column.name, is_class=is_class) >= _NAMED:
        return False
    return is_protected(column) or _EMPTY < set(words(column.name)) <= _CALENDAR


def _is_length(name: str, names: Collection[str]) -> bool:
    """Whether `y` stands beside `x` and `z`, and is a length or a place."""
    lower = {one.lower() for one in names}
    return name.lower() == "y" and ("z" in lower or ("x" in lower and len(lower) > 2))  # noqa: PLR2004


def _has_outcomes(column: Column) -> bool:
    return {str(one).strip(" .").lower() for one in column.counts.index} <= OUTCOMES


def _only_classes(able: Sequence[Column], tasks: Mapping[str, TaskGuess]) -> str | None:
    """The one column with classes among others with many values; None without such a one."""
    classes = [one.name for one in able if tasks[one.name].task != "regression"]
    others = [one for one in able if one.name not in classes]
    if len(classes) != 1 or not others:
        return None
    return classes[0] if all(one.distinct >= _MANY_VALUES for one in others) else None


def _by_evidence(
    found: list[Candidate],
    able: Sequence[Column],
    alone: str | None,
    columns: Mapping[str, tuple[Column, TaskGuess]],
    tells: Tells,
) -> list[Candidate]:
    """Where no name tells, choose what the others tell best: the last, the first or the odd one."""
    free, last = {one.name for one in able}, able[-1].name
    asked = (last, found[0].name, able[0].name, alone or last)
    names = dict.fromkeys(name for name in asked if name in free)
    told = {name: tells(*columns[name]) for name in names} if len(names) > 1 else {last: 0.0}
    chosen = max(told, key=lambda name: told[name] + _PLAINLY * (name == last))
    winner = next(one for one in found if one.name == chosen)
    if chosen != last:
        than = f"{told[last]:.0%} of {last}, the last one"
        winner = replace(
            winner, why=f"{winner.why}, and the others tell {told[chosen]:.0%} of it, {than}"
        )
    return [winner, *(one for one in found if one.name != chosen)]
