"""Check the names of a stream's columns: each can be stored, and no two are taken for one.

Delta Lake compares names without their case; a difference in Unicode form or blanks is invisible.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from slipway.spec.look_alikes import difference, plain
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document, Where

_SEEN_AS_ONE = ("case", "blanks", "Unicode form")
_RENAME = "rename one of them, here and where it is delivered"


def column_name_problems(
    document: Document, stream: str, names: Iterable[str]
) -> Iterator[Problem]:
    """Yield the problems with the names of one stream's columns.

    Args:
        document: The dataset's file.
        stream: `features` or `labels`.
        names: Names in their order in the file.
    """
    first: dict[str, str] = {}
    for name in names:
        where: Where = ("streams", stream, "columns", name)
        fault = _fault(name)
        if fault is not None:
            yield problem_at(document, where, fault)
            continue
        other = first.setdefault(plain(name, _SEEN_AS_ONE), name)
        if other != name:
            line = document.line((*where[:-1], other))
            summary = (
                f"{name!r} differs from {other!r} (line {line}) only in {difference(name, other)}"
            )
            yield problem_at(document, where, summary, hint=_RENAME)


def look_alike(name: str, names: Iterable[str]) -> str | None:
    """Return another name that differs only in case, blanks or Unicode form, or None."""
    bare = plain(name, _SEEN_AS_ONE)
    return next((one for one in names if one != name and plain(one, _SEEN_AS_ONE) == bare), None)


def _fault(name: str) -> str | None:
    if name.startswith("_"):
        return "column names that begin with `_` belong to Slipway"
    if not plain(name, ["blanks"]):
        return "a column needs a name that can be seen"
    if "\0" in name or any(unicodedata.category(one) == "Cs" for one in name):
        return "has a character in its name that tables cannot store"
    return None
