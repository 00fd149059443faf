"""Guess how texts of a file spell numbers: decimal mark and separator of thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+([eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
_COMMAS_OF_POINT = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_SURELY_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3}){2,}|,[0-9]{3}\.[0-9]+)")
_SHORT, _LONG = re.compile(r"[+-]?[0-9]{1,3}"), re.compile(r"[+-]?[0-9]{4,}")
_ENOUGH = 0.8


@dataclass(frozen=True)
class Spelling:
    """Spelling of numbers.

    Attributes:
        decimal: Decimal mark.
        thousands: Separator between groups of three digits; None: there is none.
        unit: What stands beside the numbers of a column; None: nothing does.
        parentheses: Whether they mean a negative number.
    """

    decimal: str = "."
    thousands: str | None = None
    unit: str | None = None
    parentheses: bool = False

    def within(self, file: Spelling) -> Spelling:
        """Return the spelling of a column of a file, with the file's separator if it has none."""
        inherited = None if file.thousands == self.decimal else file.thousands
        return replace(self, thousands=self.thousands or inherited)


def guess_spelling(columns: Mapping[str, Iterable[str]], *, delimiter: str) -> Spelling:
    """Return the spelling under which most columns of numbers are numbers.

    Args:
        columns: Distinct texts by column.
        delimiter: Between cells; a mark equal to it stands in quoted cells only.
    """
    commas = points = grouped_by_comma = grouped_by_point = unsure = 0
    for texts in columns.values():
        known = [text.strip() for text in texts if text.strip()]
        if not known:
            continue
        has = {name: _share(known, form) for name, form in _FORMS.items()}
        plain = has["whole"] + has["point"]
        if has["grouped by comma"] and has["grouped by comma"] + plain >= _ENOUGH:
            is_sure = any(map(_SURELY_GROUPED.fullmatch, known)) or _grows_commas(known)
            grouped_by_comma, unsure = grouped_by_comma + is_sure, unsure + (not is_sure)
        elif has["comma"] and has["comma"] + has["whole"] + has["grouped by point"] >= _ENOUGH:
            commas += 1
            grouped_by_point += has["grouped by point"] > 0
        elif has["point"] and has["point"] + has["whole"] >= _ENOUGH:
            points += 1
    if commas > points and delimiter != ",":
        return Spelling(",", "." if grouped_by_point else None)
    # Semicolons stand between cells where the comma is in use as the decimal mark.
    if unsure and delimiter == ";" and not points and not grouped_by_comma:
        return Spelling(",", None)
    return Spelling(".", "," if grouped_by_comma or unsure else None)


def _grows_commas(texts: list[str]) -> bool:
    """Whether whole numbers have a comma from a thousand on, and none below."""
    return any(map(_SHORT.fullmatch, texts)) and not any(map(_LONG.fullmatch, texts))


_FORMS = {
    "point": _POINT,
    "comma": _COMMA,
    "whole": re.compile(r"[+-]?[0-9]+"),
    "grouped by comma": _COMMAS_OF_POINT,
    "grouped by point": re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]+"),
}


def _share(texts: list[str], form: re.Pattern[str]) -> float:
    return sum(bool(form.fullmatch(text)) for text in texts) / len(texts)
