"""Reduce pydantic's errors of a field that takes one form or another to those of the form meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Error = Mapping[str, Any]
Place = tuple[str | int, ...]
_PLAIN = frozenset({"str", "int", "float", "bool"})


def of_the_form_meant(
    errors: Iterable[Error], expected: Callable[[Error], str]
) -> list[dict[str, Any]]:
    """Return errors without those of forms that a value was not meant to have.

    pydantic tells one error for each form of a field, under the name of its type. A mapping is
    meant for a form with fields, a list for a list; of anything else all forms are told at once.

    Args:
        errors: Errors of pydantic.
        expected: Returns in words what an error's form is.
    """
    groups: dict[Place, list[Error]] = {}
    for one in errors:
        groups.setdefault(_place(one["loc"]), []).append(one)
    return [
        dict(one) for place, group in groups.items() for one in _reduced(place, group, expected)
    ]


def _form(part: str | int) -> bool:
    """Whether a part of a place is the name of a type, and no field."""
    return isinstance(part, str) and (part in _PLAIN or "[" in part.removesuffix("[key]"))


def _place(location: Place) -> Place:
    """The place of the field whose forms are told; the whole one where there is one form."""
    found = next((at for at, part in enumerate(location) if at and _form(part)), len(location))
    return location[:found]


def _reduced(
    place: Place, group: Sequence[Error], expected: Callable[[Error], str]
) -> Iterable[Error]:
    told = [one for one in group if len(one["loc"]) > len(place)]
    if not told:
        yield from group
        return
    whole = [one for one in told if len(one["loc"]) == len(place) + 1]
    deeper = [one for one in told if one not in whole]
    given = whole[0]["input"] if whole else None
    if deeper and (isinstance(given, dict | list) or not whole):
        inner = [{**one, "loc": (*place, *one["loc"][len(place) + 1 :])} for one in deeper]
        yield from of_the_form_meant(inner, expected)
        return
    causes = [one for one in told if one["type"] == "value_error"]
    if causes:
        yield {**causes[0], "loc": place}
        return
    words = dict.fromkeys(expected(one) for one in whole)
    yield {**whole[0], "loc": place, "type": "forms", "msg": " or ".join(words)}
