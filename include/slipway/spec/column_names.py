"""Check the names of a stream's columns: each can be stored, and no two are taken for one.

Delta Lake compares names without their case; a difference in Unicode form or blanks is invisible.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from slipway.spec.look_alikes import difference, plain
from slipway.spec.own_columns import is_own_column
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document, Where

_SEEN_AS_ONE = ("case", "blanks", "Unicode form")
_RENAME = "rename one of them, here and where it is delivered"


def column_name_problems(
    document: Document, streams: Mapping[str, Iterable[str]]
) -> Iterator[Problem]:
    """Yield the problems with the names of the columns of one file.

    Args:
        document: The dataset's file.
        streams: Names in their order in the file, by the stream that declares them.
    """
    first: dict[str, Where] = {}
    for where in _places(streams):
        name = str(where[-1])
        fault = _fault(name)
        if fault is not None:
            yield problem_at(document, where, fault)
            continue
        place = first.setdefault(plain(name, _SEEN_AS_ONE), where)
        if (other := str(place[-1])) != name:
            line = document.line(place)
            summary = (
                f"{name!r} differs from {other!r} (line {line}) only in {difference(name, other)}"
            )
            yield problem_at(document, where, summary, hint=_RENAME)


def _places(streams: Mapping[str, Iterable[str]]) -> Iterator[Where]:
    for stream, names in streams.items():
        for name in names:
            yield ("streams", stream, "columns", name)


def look_alike(name: str, names: Iterable[str]) -> str | None:
    """Return another name that differs only in case, blanks or Unicode form, or None."""
    bare = plain(name, _SEEN_AS_ONE)
    return next((one for one in names if one != name and plain(one, _SEEN_AS_ONE) == bare), None)


def _fault(name: str) -> str | None:
    if is_own_column(name):
        return "is the name of a column of Slipway's own"
    if not plain(name, ["blanks"]):
        return "a column needs a name that can be seen"
    if "\0" in name or any(unicodedata.category(one) == "Cs" for one in name):
        return "has a character in its name that tables cannot store"
    return None
