"""Names that people see as one: what distinguishes them, and what takes it away."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Mapping
from itertools import combinations


def _without_blanks(name: str) -> str:
    """Return a name with single spaces, without surrounding blanks and invisible characters."""
    seen = "".join(one for one in name if unicodedata.category(one) != "Cf")
    return " ".join(seen.split())


def without_quotes(name: str) -> str:
    """Return a name without the quotes around it."""
    return name.strip("'\"`\u2018\u2019\u201c\u201d")


def _in_one_form(name: str) -> str:
    return unicodedata.normalize("NFKC", name)


FORMS: Mapping[str, Callable[[str], str]] = {
    "case": str.casefold,
    "blanks": _without_blanks,
    "Unicode form": _in_one_form,
    "quotes": without_quotes,
}
"""Differences between two names that people do not see, and what takes each away."""


def plain(name: str, forms: Collection[str] = tuple(FORMS)) -> str:
    """Return a name without some differences; names that look alike have one plain name."""
    for form in forms:
        name = FORMS[form](name)
    # A name without case or blanks may have another form again.
    return _in_one_form(name) if "Unicode form" in forms else name


def difference(name: str, other: str) -> str | None:
    """Return in words what alone distinguishes two names; None where they do not look alike."""
    for count in range(1, len(FORMS) + 1):
        for forms in combinations(FORMS, count):
            if plain(name, forms) == plain(other, forms):
                return " and ".join(forms)
    return None
