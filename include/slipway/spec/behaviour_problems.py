"""Check tests of behaviour: features of the model, values of their types, classes of the task."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.behaviour import Behaviour, Cell, Minimum
from slipway.spec.dataset import DatasetSpec
from slipway.spec.labels import GivenLabel
from slipway.spec.metrics import has_classes
from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at, unknown_name
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document, Where

_HERE: Where = ("gates", "behaviour")


def behaviour_problems(spec: ModelSpec, document: Document) -> Iterator[Problem]:
    """Yield the problems of the tests of single answers inside one model's spec."""
    behaviour = spec.gates.behaviour
    if behaviour is None:
        return
    for where, name in _columns(behaviour):
        if name not in spec.features.names:
            yield unknown_name(
                document,
                where,
                name,
                summary="which is no feature of the model",
                allowed=spec.features.names,
            )
    for where, label in behaviour_classes(behaviour):
        if (label is not None) != (spec.task == "multiclass"):
            summary = (
                "is of `task: multiclass` only"
                if label is not None
                else "is needed by `task: multiclass`: it has a score of each class"
            )
            yield problem_at(document, where, summary)
        elif label is not None and spec.classes is not None and label not in spec.classes:
            yield problem_at(document, where, f"given {label!r}, which is none of `classes`")


def behaviour_against_dataset(
    spec: ModelSpec, dataset: DatasetSpec, document: Document
) -> Iterator[Problem]:
    """Yield the rows that lack what every row has to have."""
    columns = dataset.streams.features.columns
    needed = [name for name in spec.features.names if name in columns]
    needed = [name for name in needed if not columns[name].nullable]
    behaviour = spec.gates.behaviour
    for title, certain in ({} if behaviour is None else behaviour.minimum).items():
        if lacking := [name for name in needed if name not in certain.row]:
            where: Where = (*_HERE, "minimum", title, "row")
            summary = f"has no {', '.join(lacking)}, which may not be missing"
            yield problem_at(document, where, summary)


def behaviour_columns(behaviour: Behaviour) -> Iterator[tuple[Where, str, frozenset[str]]]:
    """Yield the columns that the tests name, with their places and the types that fit."""
    for index, same in enumerate(behaviour.invariance):
        where: Where = (*_HERE, "invariance", index)
        yield (*where, "column"), same.column, _ANY
        for place, value in enumerate(same.with_values):
            yield (*where, "with_values", place), same.column, fitting_cell(value)
    for index, one in enumerate(behaviour.direction):
        whole = float(one.by).is_integer()
        fitting = frozenset({"integer", "number"} if whole else {"number"})
        yield (*_HERE, "direction", index, "column"), one.column, fitting
    for title, certain in behaviour.minimum.items():
        for name, value in certain.row.items():
            yield (*_HERE, "minimum", title, "row", name), name, fitting_cell(value)


def behaviour_warnings(spec: ModelSpec) -> Iterator[str]:
    """Yield the tests that no score can fail, or none can pass, each with its field."""
    behaviour = spec.gates.behaviour
    if behaviour is None or not has_classes(spec.task):
        return
    for title, certain in behaviour.minimum.items():
        yield from _beyond_all_scores(f"gates.behaviour.minimum.{title}", certain)
    for index, same in enumerate(behaviour.invariance):
        if same.max_change >= 1:
            yield f"gates.behaviour.invariance.{index}.max_change: no score changes by more than 1"
    for index, one in enumerate(behaviour.direction):
        if one.tolerance >= 1:
            yield f"gates.behaviour.direction.{index}.tolerance: no score moves by more than 1"


def _beyond_all_scores(where: str, certain: Minimum) -> Iterator[str]:
    low = 0.0 if certain.above is None else certain.above
    high = 1.0 if certain.below is None else certain.below
    if (certain.above is None or low < 0) and (certain.below is None or high > 1):
        yield f"{where}: every score is between 0 and 1, so each passes"
    if low >= 1 or high <= 0:
        yield f"{where}: every score is between 0 and 1, so none passes"


def behaviour_values(behaviour: Behaviour) -> Iterator[tuple[Where, str, Cell]]:
    """Yield the values that the tests give a column, with their places."""
    for index, same in enumerate(behaviour.invariance):
        for place, value in enumerate(same.with_values):
            yield (*_HERE, "invariance", index, "with_values", place), same.column, value
    for title, certain in behaviour.minimum.items():
        for name, value in certain.row.items():
            yield (*_HERE, "minimum", title, "row", name), name, value


_ANY = frozenset({"string", "integer", "number", "boolean"})


def fitting_cell(value: Cell) -> frozenset[str]:
    """Return the types of a column that can hold a value."""
    if isinstance(value, bool):
        return frozenset({"boolean"})
    if isinstance(value, str):
        return frozenset({"string"})
    is_whole = isinstance(value, int) or value.is_integer()
    return frozenset({"integer", "number"} if is_whole else {"number"})


def _columns(behaviour: Behaviour) -> Iterator[tuple[Where, str]]:
    seen = set[Where]()
    for where, name, _ in behaviour_columns(behaviour):
        # The values of an invariance are of its column, which is named once.
        if where[-2:-1] != ("with_values",) and where not in seen:
            seen.add(where)
            yield where, name


def behaviour_classes(behaviour: Behaviour) -> Iterator[tuple[Where, GivenLabel | None]]:
    """Yield the class that each test of one class names, with its place; None: it names none."""
    for index, one in enumerate(behaviour.direction):
        yield (*_HERE, "direction", index, "of_class"), one.of_class
    for title, certain in behaviour.minimum.items():
        yield (*_HERE, "minimum", title, "of_class"), certain.of_class
