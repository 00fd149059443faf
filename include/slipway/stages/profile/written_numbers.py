"""Find columns of numbers as people write them: with a currency, a unit, or in parentheses."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice

from slipway.spec.csv import LONGEST_UNIT
from slipway.stages.profile.names import has_word
from slipway.stages.profile.number_marks import Votes, doubt_of, marks_of
from slipway.stages.profile.spellings import Spelling
from slipway.values.units import UNIT_BLANKS

_MOST = 0.99
"""Share of the rows that must have the form, and its unit."""

_FEWEST_NUMBERS = 10
"""Different numbers from which on a word behind them is a unit, and no name of a few things."""

_TRIED_FIRST = 200
_LONGEST = 60

_FORM = re.compile(
    rf"[+-]?(?P<before>[^0-9+-]*?)[{UNIT_BLANKS}]*[+-]?"
    rf"(?P<number>[0-9](?:[0-9.,'\u2019{UNIT_BLANKS}]*[0-9])?[.,]?)"
    rf"[{UNIT_BLANKS}]*(?P<behind>[^0-9+-]*)"
)
_CODES = frozenset(
    {"version", "release", "build", "zip", "zipcode", "postal", "postcode", "plz", "phone", "tel"}
    | {"telephone", "mobile", "fax", "ip", "isbn", "ean", "iban", "ssn", "code", "id", "sku"}
)
"""Words of names whose digits are no numbers, however they are grouped."""

_MONEY = frozenset(
    {"USD", "EUR", "GBP", "CHF", "JPY", "CNY", "RMB", "INR", "AUD", "CAD", "NZD", "SEK", "NOK"}
    | {"DKK", "PLN", "CZK", "HUF", "BRL", "MXN", "ZAR", "TRY", "RUB", "KRW", "SGD", "HKD", "AED"}
    | {"Rs", "Rs.", "kr", "kr.", "z\u0142", "K\u010d", "Ft", "Fr.", "SFr.", "EURO", "Euro"}
)
_PARTS = frozenset({"%", "\u2030"})
_NO_UNITS = frozenset({"st", "nd", "rd", "th", "am", "pm", "a.m.", "p.m.", "bc", "ad"})
_WORD = re.compile(
    r"[^\W\d_]{2,8}[\u00b2\u00b3]?\.?|[^\W\d_]{1,4}/[^\W\d_]{1,4}|[\u00b0\u00b5][^\W\d_]{1,2}"
)
"""Units such as kg, ft\u00b2, km/h or \u00b0C: one word, since several are an address."""


@dataclass(frozen=True)
class Written:
    """How a column writes its numbers.

    Attributes:
        spelling: Marks, unit and parentheses.
        why: What its texts are, for a comment.
        doubt: What a person should know; empty: nothing.
    """

    spelling: Spelling
    why: str
    doubt: str = ""


@dataclass(frozen=True)
class _Parts:
    number: str
    unit: str = ""
    is_before: bool = False
    in_parentheses: bool = False


def guess_written(name: str, rows_of: Mapping[str, int], file: Spelling) -> Written | None:
    """Return how a column writes numbers; None where it holds other texts, or plain numbers.

    Args:
        name: Name of the column.
        rows_of: Rows by text, without missing ones.
        file: Spelling of the file's other numbers.
    """
    first = list(islice(rows_of, _TRIED_FIRST))
    if has_word(name, _CODES) or sum(_parts(one.strip()) is None for one in first) > len(first) / 5:
        return None
    parts = {text: found for text in rows_of if (found := _parts(text.strip())) is not None}
    if sum(rows_of[text] for text in parts) < _MOST * sum(rows_of.values()):
        return None
    unit = _unit(parts, rows_of)
    if unit is None:
        return None
    chosen = [one for one in parts.values() if one.unit == unit]
    is_money = _is_money(unit)
    votes = Votes.of(one.number for one in chosen)
    marks = marks_of(votes, file, is_money=is_money)
    in_parentheses = sum(one.in_parentheses for one in chosen)
    if marks is None or in_parentheses == len(chosen) or _is_phone(votes, marks):
        return None
    spelling = replace(marks, unit=unit or None, parentheses=in_parentheses > 0)
    if spelling == file:
        return None
    return Written(spelling, _why(spelling), doubt_of(votes, spelling, is_money=is_money))


def _parts(text: str) -> _Parts | None:
    pairs = (text.count("("), text.count(")"))
    if pairs not in {(0, 0), (1, 1)}:
        return None
    found = _FORM.fullmatch(text.replace("(", "").replace(")", ""))
    if found is None or len(text) > _LONGEST:
        return None
    before, number, behind = found["before"], found["number"], found["behind"].strip()
    if before.endswith(".") and not before[-2:-1].isalpha():
        before, number = before[:-1], f".{number}"
    before = before.strip(UNIT_BLANKS)
    if (before and behind) or max(len(before), len(behind)) > LONGEST_UNIT:
        return None
    return _Parts(number, before or behind, bool(before), pairs == (1, 1))


def _unit(parts: Mapping[str, _Parts], rows_of: Mapping[str, int]) -> str | None:
    """The unit of nearly all rows, empty for none; None where they have several."""
    counted = Counter[str]()
    for text, one in parts.items():
        counted[one.unit] += rows_of[text]
    unit, rows = counted.most_common(1)[0]
    if rows < _MOST * counted.total():
        return None
    chosen = [one for one in parts.values() if one.unit == unit]
    if not unit or unit in _PARTS or _is_money(unit):
        return unit
    is_word = _WORD.fullmatch(unit) is not None and unit.lower() not in _NO_UNITS
    is_behind = not any(one.is_before for one in chosen)
    # A word before a number names a thing, as `Room 12` does.
    many = len({one.number for one in chosen}) >= _FEWEST_NUMBERS
    return unit if is_word and is_behind and many else None


def _is_money(unit: str) -> bool:
    return unit in _MONEY or any(unicodedata.category(one) == "Sc" for one in unit)


def _is_phone(votes: Votes, marks: Spelling) -> bool:
    """Whether all numbers have the same groups of digits with blanks, as telephone numbers have."""
    is_blank = marks.thousands is not None and marks.thousands in UNIT_BLANKS
    return is_blank and not (votes.short or votes.decimals)


def _why(spelling: Spelling) -> str:
    told = ["its texts are numbers"]
    if spelling.unit in _PARTS:
        told.append(f"the sign {spelling.unit} is no part of them: 5{spelling.unit} is 5")
    elif spelling.unit is not None:
        told.append(f"the unit {spelling.unit} is no part of them")
    if spelling.parentheses:
        told.append("those in parentheses are negative")
    return "; ".join(told)
