"""Choose the target of a file: the column that a person names, or the likeliest one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from slipway.errors import BadParameter
from slipway.spec.problems import nearest
from slipway.stages.profile.event_time import guess_event_time
from slipway.stages.profile.identifier_names import is_row_number
from slipway.stages.profile.identity import is_identifier
from slipway.stages.profile.measured import Column, Measured
from slipway.stages.profile.personal_data import personal_data, tells_of_people
from slipway.stages.profile.quick_model import QuickFit
from slipway.stages.profile.rank_targets import rank_targets
from slipway.stages.profile.split_markers import marks_split
from slipway.stages.profile.target import TargetGuess, TaskGuess, guess_task
from slipway.stages.profile.target_names import points_of_name
from slipway.stages.profile.told_by_others import told_by_others


def plan_target(
    measured: Measured, *, asked: str | None, fit: QuickFit | None = None
) -> TargetGuess:
    """Return the target, asked for or guessed.

    Args:
        measured: The file.
        asked: Its name as a person has it; None: guess.
        fit: Fits a quick model, which decides where no name tells; None: nothing can.

    Raises:
        BadParameter: There is no such column, it cannot be predicted, or none can.
    """
    columns = measured.columns
    if asked is None:
        return _guessed(measured, fit)
    found = find_column(asked, columns)
    task = guess_task(columns[found])
    if task is None:
        raise BadParameter(
            f"{found!r} cannot be predicted",
            expected="true or false, 2 to 100 values that repeat, or numbers",
            found=f"{columns[found].distinct:,} values of type {columns[found].type}",
            hint="name another column with --target",
        )
    return _with_name(found, "you named it", task)


def _with_name(
    name: str, why: str, task: TaskGuess, *, runner_up: str | None = None
) -> TargetGuess:
    return TargetGuess(
        column=name,
        task=task.task,
        type=task.type,
        why=why,
        why_task=task.why,
        positive=task.positive,
        classes=task.classes,
        doubt=task.doubt,
        runner_up=runner_up,
    )


def find_column(asked: str, names: Collection[str]) -> str:
    """Return the column of a file that a person names; case and blanks around do not matter.

    Raises:
        BadParameter: There is no such column.
    """
    if asked in names:
        return asked
    alike = [one for one in names if one.strip().casefold() == asked.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    close = nearest(asked, names)
    raise BadParameter(
        "the file has no such column",
        expected=f"one of {', '.join(list(names)[:20])}",
        found=asked,
        hint=f"did you mean {close!r}?" if close else "name one with --target",
    )


def _guessed(measured: Measured, fit: QuickFit | None) -> TargetGuess:
    columns = measured.columns
    tells = None if fit is None else told_by_others(columns, fit)
    others, time = _no_targets(columns), guess_event_time(columns, but=())
    ranked = rank_targets(columns, but=(*others, *time.columns), tells=tells)
    # A year alone may be what is to be predicted, where nothing else can be.
    ranked = ranked or rank_targets(columns, but=others, tells=tells)
    task = guess_task(columns[ranked[0].name]) if ranked else None
    if task is None:
        raise BadParameter(
            "no column can be predicted",
            expected="a column of two or more values that repeat, or of numbers",
            found=f"columns {', '.join(list(columns)[:20])}",
            hint="name one with --target",
        )
    runner_up = next((one.name for one in ranked[1:] if one.is_likely), None)
    guess = _with_name(ranked[0].name, ranked[0].why, task, runner_up=runner_up)
    constant = _constant_target(columns, better_than=ranked[0].named)
    if constant is None:
        return guess
    doubt = f"{constant!r} is named like the target, but has one value only"
    return replace(guess, doubt="; ".join(filter(None, (guess.doubt, doubt))))


def _constant_target(columns: Mapping[str, Column], *, better_than: int) -> str | None:
    """A column of one value whose name says more surely that it is the target; None without one."""
    named = {
        name: points_of_name(name, is_class=True)
        for name, one in columns.items()
        if one.distinct == 1
    }
    best = max(named, key=lambda name: named[name], default=None)
    return best if best is not None and named[best] > better_than else None


def _no_targets(columns: Mapping[str, Column]) -> list[str]:
    """Columns that are something else than what is to be predicted."""
    of_people = tells_of_people(columns)
    return [
        name
        for name, one in columns.items()
        if one.distinct < 2  # noqa: PLR2004 - a constant
        or personal_data(one, of_people=of_people) is not None
        or is_identifier(one)
        or is_row_number(one)
        or marks_split(one)
    ]
