"""Tell the decimal mark and the separator of thousands of a column by all of its numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from slipway.stages.profile.spellings import Spelling

_MARK = re.compile(r"[^0-9]")
_UNSURE = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_GROUP = 3
_OTHER = {",": ".", ".": ","}


@dataclass
class Votes:
    """What the numbers of a column say about its marks.

    Attributes:
        decimals: Numbers by the mark that is surely their decimal mark.
        thousands: Numbers by the mark that surely stands between their thousands.
        unsure: Numbers such as 1,234, by a mark that may be either.
        short: Whole numbers below a thousand.
        long: Whole numbers from a thousand on, without a mark.
    """

    decimals: Counter[str] = field(default_factory=Counter)
    thousands: Counter[str] = field(default_factory=Counter)
    unsure: Counter[str] = field(default_factory=Counter)
    short: int = 0
    long: int = 0

    @classmethod
    def of(cls, numbers: Iterable[str]) -> Votes:
        """Return the votes of numbers without sign and unit."""
        votes = cls()
        for number in numbers:
            votes.add(number)
        return votes

    def add(self, number: str) -> None:
        """Count a number."""
        marks = _MARK.findall(number)
        if not marks:
            self.short += len(number) <= _GROUP
            self.long += len(number) > _GROUP
        elif _UNSURE.fullmatch(number):
            self.unsure[marks[0]] += 1
        else:
            self._add_sure(marks)

    def _add_sure(self, marks: list[str]) -> None:
        first, last = marks[0], marks[-1]
        if first != last:
            self.thousands[first] += 1
            self.decimals[last] += 1
        elif first not in _OTHER or len(marks) > 1:
            self.thousands[first] += 1
        else:
            self.decimals[first] += 1

    @property
    def is_unsure(self) -> bool:
        """Whether no number says what the only mark of all of them is."""
        return bool(self.unsure) and not self.decimals and not self.thousands

    @property
    def grows_marks(self) -> bool:
        """Whether numbers have a mark from a thousand on, and none below."""
        return self.short > 0 and self.long == 0


def marks_of(votes: Votes, file: Spelling, *, is_money: bool) -> Spelling | None:
    """Return the marks under which a column's numbers agree; None where they do not.

    Args:
        votes: Of the column.
        file: Spelling of the file's other numbers.
        is_money: Whether the numbers are amounts, of which none has three decimals.
    """
    if votes.is_unsure:
        return _of_unsure(votes, file, is_money=is_money)
    decimal = _commonest(votes.decimals)
    thousands = _commonest(votes.thousands)
    if decimal is None and thousands is not None:
        unsure = next((one for one in votes.unsure if one != thousands), None)
        decimal = _OTHER.get(thousands) or unsure or file.decimal
    decimal = decimal or file.decimal
    if thousands is None:
        thousands = next((one for one in votes.unsure if one != decimal), None)
    return None if thousands == decimal else Spelling(decimal, thousands)


def _commonest(counted: Counter[str]) -> str | None:
    return counted.most_common(1)[0][0] if counted else None


def _of_unsure(votes: Votes, file: Spelling, *, is_money: bool) -> Spelling | None:
    if len(votes.unsure) > 1:
        return None
    (mark,) = votes.unsure
    is_decimal = mark == file.decimal and not is_money and not (mark == "," and votes.grows_marks)
    return Spelling(mark, None) if is_decimal else Spelling(_OTHER[mark], mark)


def doubt_of(votes: Votes, used: Spelling, *, is_money: bool = False) -> str:
    """Return what a person should know where the numbers do not tell the mark; else nothing.

    Args:
        votes: Of the column.
        used: Spelling under which it is read.
        is_money: Whether the numbers are amounts.
    """
    if not votes.is_unsure or votes.grows_marks:
        return ""
    mark = next(iter(votes.unsure))
    if mark == "." == used.decimal and not is_money:
        return ""
    as_what = "a decimal mark" if mark == used.decimal else "a separator of thousands"
    return (
        f"each mark in its numbers has three digits behind it, as in 1{mark}234: it is read as "
        f"{as_what}; `decimal` and `thousands` of the column say otherwise"
    )
