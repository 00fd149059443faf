"""Choose the target of a file: the column that a person names, or the likeliest one."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.errors import BadParameter
from slipway.spec.problems import nearest
from slipway.stages.profile.identity import guess_event_time, is_identifier, is_row_number
from slipway.stages.profile.measured import Column, Measured
from slipway.stages.profile.personal_data import personal_data
from slipway.stages.profile.target import TargetGuess, TaskGuess, guess_target, guess_task


def plan_target(measured: Measured, *, asked: str | None) -> TargetGuess:
    """Return the target, asked for or guessed.

    Args:
        measured: The file.
        asked: Its name as a person has it; None: guess.

    Raises:
        BadParameter: There is no such column, it cannot be predicted, or none can.
    """
    columns = measured.columns
    name, why = (asked, "you named it") if asked is not None else _guessed(measured)
    found = _named(name, columns) if name is not None else None
    if found is None:
        close = None if name is None else nearest(name, columns)
        raise BadParameter(
            "the file has no such column" if name else "no column can be predicted",
            expected=f"one of {', '.join(list(columns)[:20])}",
            found=name or None,
            hint=f"did you mean {close!r}?" if close else "name one with --target",
        )
    task = guess_task(columns[found])
    if task is None:
        raise BadParameter(
            f"{found!r} cannot be predicted",
            expected="true or false, 2 to 100 values that repeat, or numbers",
            found=f"{columns[found].distinct:,} values of type {columns[found].type}",
            hint="name another column with --target",
        )
    return _with_name(found, why, task)


def _with_name(name: str, why: str, task: TaskGuess) -> TargetGuess:
    return TargetGuess(
        column=name,
        task=task.task,
        type=task.type,
        why=why,
        why_task=task.why,
        positive=task.positive,
        classes=task.classes,
        doubt=task.doubt,
    )


def _named(name: str, columns: Mapping[str, Column]) -> str | None:
    if name in columns:
        return name
    alike = [one for one in columns if one.strip().casefold() == name.strip().casefold()]
    return alike[0] if len(alike) == 1 else None


def _guessed(measured: Measured) -> tuple[str | None, str]:
    time = guess_event_time(measured.columns, but=())
    no_target = [
        name
        for name, one in measured.columns.items()
        if name in time.columns
        or one.distinct < 2  # noqa: PLR2004 - a constant
        or personal_data(one) is not None
        or is_identifier(one)
        or is_row_number(one)
    ]
    return guess_target(measured.columns, but=no_target) or (None, "")
