"""Labels as a spec writes them: the classes of a classification."""

from __future__ import annotations

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


def check_classes(task: str, *, positive: Label | None) -> None:
    """Raise where declared classes do not fit the task.

    Raises:
        SpecConflict: They do not.
    """
    if positive is not None and task != "classification":
        raise SpecConflict(
            f"positive is of `task: classification` only, given {task}", field=("positive",)
        )
