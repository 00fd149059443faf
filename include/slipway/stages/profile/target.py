"""Guess what is to be predicted: the target's column, its kind of task, and class 1 of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from slipway.spec.labels import Label
from slipway.spec.metrics import Task
from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import CLASSES, QUANTITIES, words
from slipway.values.value_types import ColumnType

MOST_CLASSES = 100
"""Classes that a model of several may have."""

_MOST_WHOLE_CLASSES = 20
_FEW_WHOLE_CLASSES = 10
_ROWS_OF_A_CLASS = 5
_POSITIVE = (
    *("ja", "oui", "si", "sí", "sim", "tak"),
    *("yes", "true", "1", "y", "t", "positive", "pos", "up", "malignant", "m", "bad", "default"),
    *("churn", "churned", "fraud", "spam", "died", "dead", "failed", "fail", "failure", "late"),
    *(">50k", ">50k.", "high", "approved", "won", "win", "sick", "disease", "present", "abnormal"),
)
_NEGATIVE = (
    *("no", "false", "0", "n", "f", "negative", "neg", "down", "benign", "b", "good", "stay"),
    *("ham", "alive", "survived", "ok", "passed", "success", "on time", "<=50k", "<=50k.", "low"),
    *("nein", "non", "não", "nao", "nie", "nee"),
    *("normal", "absent", "healthy", "lost", "none"),
)


@dataclass(frozen=True)
class TargetGuess:
    """What is to be predicted.

    Attributes:
        column: Name of the target.
        task: Kind of prediction.
        type: Declared type of the target.
        why: Why this column.
        why_task: Why this task.
        positive: Class 1 of two; None where it needs no name.
        classes: Classes of more than two, sorted.
        doubt: What a person should look at; empty: nothing.
        runner_up: The next likeliest column, where the target was guessed; None: there is none.
    """

    column: str
    task: Task
    type: ColumnType
    why: str
    why_task: str
    positive: Label | None = None
    classes: tuple[Label, ...] = ()
    doubt: str = ""
    runner_up: str | None = None


@dataclass(frozen=True)
class TaskGuess:
    """Kind of prediction of a column; see `TargetGuess`."""

    task: Task
    type: ColumnType
    why: str
    positive: Label | None = None
    classes: tuple[Label, ...] = ()
    doubt: str = ""


def guess_task(column: Column) -> TaskGuess | None:
    """Return how a column can be predicted; None where it cannot."""
    if column.type == "timestamp" or column.distinct < 2:  # noqa: PLR2004 - nothing to tell apart
        return None
    if column.type == "boolean":
        return TaskGuess("classification", "boolean", "it is true or false")
    if column.type == "string":
        return _of_texts(column)
    return _of_numbers(column)


def _of_texts(column: Column) -> TaskGuess | None:
    classes = [str(one) for one in column.counts.index]
    if len(classes) == 2:  # noqa: PLR2004 - two classes
        positive, doubt = _positive(column)
        return TaskGuess("classification", "string", "it has two values", positive, doubt=doubt)
    if len(classes) > MOST_CLASSES or column.known < _ROWS_OF_A_CLASS * len(classes):
        return None
    rare = int((column.counts < _ROWS_OF_A_CLASS).sum())
    doubt = f"{rare} classes have fewer than {_ROWS_OF_A_CLASS} rows" if rare else ""
    why = f"it has {len(classes)} values"
    return TaskGuess("multiclass", "string", why, classes=tuple(sorted(classes)), doubt=doubt)


def _positive(column: Column) -> tuple[str, str]:
    """Class 1 of two texts, and what to look at where their words do not tell it."""
    classes = [str(one) for one in column.counts.index]
    plain = [one.strip().lower() for one in classes]
    for word in _POSITIVE:
        if word in plain and plain[1 - plain.index(word)] not in _POSITIVE:
            return classes[plain.index(word)], ""
    for word in _NEGATIVE:
        if word in plain:
            return classes[1 - plain.index(word)], ""
    # The rarer one is what people look for.
    return classes[1], f"{classes[1]!r} is class 1, since it is the rarer one"


def _of_numbers(column: Column) -> TaskGuess:
    values = [float(one) for one in column.counts.index]
    is_whole = all(one.is_integer() for one in values)
    if len(values) == 2 and is_whole:  # noqa: PLR2004 - two classes
        high = int(max(values))
        is_plain = sorted(values) == [0.0, 1.0]
        return TaskGuess(
            "classification",
            "integer",
            "it has two values",
            positive=None if is_plain else high,
            doubt="" if is_plain else f"{high} is class 1, since it is the greater one",
        )
    if is_whole and _are_classes(column, values):
        classes = tuple(sorted(int(one) for one in values))
        doubt = "" if _is_named(column, CLASSES) else "`task: regression` fits if it is a quantity"
        why = f"it has {len(values)} whole values, each in many rows"
        return TaskGuess("multiclass", "integer", why, classes=classes, doubt=doubt)
    kind: Literal["integer", "number"] = "integer" if column.type == "integer" else "number"
    return TaskGuess("regression", kind, f"it has {len(values):,} different numbers")


def _are_classes(column: Column, values: Sequence[float]) -> bool:
    most = _MOST_WHOLE_CLASSES if _is_named(column, CLASSES) else _FEW_WHOLE_CLASSES
    if len(values) > most or _is_named(column, QUANTITIES):
        return False
    is_dense = max(values) - min(values) < len(values) * 2
    return is_dense and int(column.counts.min()) >= _ROWS_OF_A_CLASS


def _is_named(column: Column, among: frozenset[str]) -> bool:
    return bool(set(words(column.name)) & among)
