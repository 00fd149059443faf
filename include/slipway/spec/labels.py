"""Labels as a spec writes them: the classes of a classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from slipway.spec.base import SpecConflict

Label = bool | int | str
"""A class, as a spec and a manifest write it."""


def _is_label(given: Any) -> Any:
    """Return a class; one message tells all that it can be."""
    if given is not None and not isinstance(given, bool | int | str):
        raise SpecConflict(f"given {given!r}; expected a text, a whole number, or true or false")
    return given


GivenLabel = Annotated[Label, BeforeValidator(_is_label)]


def _are_weights(given: Any) -> Any:
    """Return weights of classes; one message tells all that they can be."""
    by_class = isinstance(given, dict) and all(
        isinstance(one, int | float) and not isinstance(one, bool) and one > 0
        for one in given.values()
    )
    if given is not None and given != "balanced" and not by_class:
        raise SpecConflict("expected `balanced`, or a number above 0 by class")
    return given


ClassWeights = Annotated[
    Literal["balanced"] | dict[str, float] | None, BeforeValidator(_are_weights)
]


def spelled(label: Label | float) -> str:
    """Return a class as messages, metrics and tables spell it."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label).lower() if isinstance(label, bool) else str(label)


MOST_CLASSES = 100
"""Each answer, logged row and drift report has a score for each class."""


def check_classes(task: str, *, positive: Label | None, classes: Sequence[Label] | None) -> None:
    """Raise where declared classes do not fit the task.

    Raises:
        SpecConflict: They do not.
    """
    if positive is not None and task != "classification":
        raise SpecConflict(
            f"positive is of `task: classification` only, given {task}", field=("positive",)
        )
    if classes is None:
        return
    if task != "multiclass":
        raise SpecConflict(
            f"classes are of `task: multiclass` only, given {task}",
            field=("classes",),
            hint="name class 1 of two with `positive`",
        )
    kinds = {type(one) for one in classes}
    if len(kinds) > 1 or bool in kinds:
        raise SpecConflict("expected texts alone, or whole numbers alone", field=("classes",))
    if len(set(classes)) < len(classes):
        raise SpecConflict("names a class twice", field=("classes",))
