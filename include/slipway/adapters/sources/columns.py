"""Find the columns to read in a file's header."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.errors import BadBatch


def positions_of(names: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Return the positions of columns in a header.

    Args:
        names: Header.
        columns: Names to find, each of them once in the header.

    Raises:
        BadBatch: One is missing, or is there twice.
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    for name in columns:
        if (count := len(places.get(name, ()))) != 1:
            problem = "names a column twice" if count else "lacks a column"
            raise BadBatch(f"the file {problem}: {name}", found=", ".join(names))
    return [places[name][0] for name in columns]
