"""Labels as a spec writes them: the classes of a classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

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
