"""Guess the declared type of a column from its distinct texts, with forms and missing marks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from slipway.stages.profile.number_marks import Votes, doubt_of
from slipway.stages.profile.spellings import Spelling
from slipway.stages.profile.time_forms import guess_time_form
from slipway.stages.profile.written_numbers import guess_written
from slipway.values.arrays import cast_array
from slipway.values.text_format import BLANKS, MISSING_WORDS, TextFormat
from slipway.values.units import without_unit
from slipway.values.value_types import ColumnType

PLACEHOLDERS = frozenset(
    {"?", r"\n", "#n/a", "-", "--", "---", ".", "..", "*", "nil", "missing", "unknown", "#null!"}
    | {"n.a.", "n/a", "k. a.", "k.a.", "not available", "na", "nan", "null", "(null)", "<na>"}
    | {"undefined", "x", "none", "n.d.", "nd", "#value!", "#div/0!", "inf", "-inf"}
)
"""Texts by which people mean that there is no value, in lower case."""

_MISSING_IN_TEXTS = frozenset(
    {"?", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", r"\N", "n/a"}
)
"""Those that mean it in columns of texts, too; `None` and `unknown` may be categories there."""

_FEW = 0.005
"""Share of refused texts under which they are bad rows of a column, and no other type."""

_FEW_WRITTEN = 0.01
"""The same of numbers with units."""

_TRIED_FIRST = 500
_MOST_MARKED = 0.95
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]+")
_FRACTION = re.compile(r"[.,eE]")
_TRUTH = ({"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"})


@dataclass(frozen=True)
class TypeGuess:
    """Type of a column.

    Attributes:
        type: Declared type.
        why: Why, for a comment.
        format: Form of a timestamp's texts; None: ISO 8601.
        marks: Texts that mean a missing value, to be listed in `csv.missing`.
        refused: Share of the rows that the type refuses.
        is_day: Whether every time is a midnight: a day without a time.
        doubt: What a person should know about the guess; empty: nothing.
        spelling: Spelling of its numbers, where it is another than the file's.
    """

    type: ColumnType
    why: str
    format: str | None = None
    marks: tuple[str, ...] = ()
    refused: float = 0.0
    is_day: bool = False
    doubt: str = ""
    spelling: Spelling | None = None


@dataclass(frozen=True)
class Texts:
    """Distinct texts of a column in the order of their first rows.

    Attributes:
        counts: Rows by text.
        numbers: Spelling of its numbers.
    """

    counts: Mapping[str, int]
    numbers: Spelling = field(default_factory=Spelling)
    rows: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", sum(self.counts.values()))

    def spelling(self, marks: Sequence[str] = (), *, timestamp: str | None = None) -> TextFormat:
        """Return the spelling of the column's values."""
        return text_format_of(self.numbers, marks, timestamp=timestamp)


def text_format_of(
    numbers: Spelling, marks: Sequence[str] = (), *, timestamp: str | None = None
) -> TextFormat:
    """Return the format by which values of a spelling are parsed."""
    return TextFormat(
        decimal=numbers.decimal,
        thousands=numbers.thousands,
        unit=numbers.unit,
        parentheses=numbers.parentheses,
        missing=frozenset(marks),
        timestamp=timestamp,
    )


def guess_type(name: str, texts: Texts) -> TypeGuess:
    """Return the narrowest type that all texts of a column have, few bad ones aside.

    Args:
        name: Name of the column.
        texts: Its texts.
    """
    known = {text: rows for text, rows in texts.counts.items() if not _is_missing(text)}
    if not known:
        return TypeGuess("string", "it has no value at all")
    marks_in_texts = tuple(sorted(one for one in texts.counts if one.strip() in _MISSING_IN_TEXTS))
    truth = {text.strip().lower() for text in known}
    if truth <= {"true", "false"}:
        return TypeGuess("boolean", "its texts are true and false")
    number = _as_number(name, known, texts)
    if number is not None:
        return number
    time = guess_time_form(name, list(known))
    if time is not None:
        return TypeGuess(
            "timestamp",
            f"its texts are times{'' if time.format is None else f' of the form {time.format}'}",
            format=time.format,
            marks=time.marks,
            is_day=time.is_day,
            doubt=time.doubt,
        )
    return _as_written(name, known, texts) or TypeGuess(
        "string", "its texts are of no other type", marks=marks_in_texts
    )


def _as_written(name: str, known: Mapping[str, int], texts: Texts) -> TypeGuess | None:
    """The type of a column of numbers with a unit or with marks of its own."""
    plain = {text: rows for text, rows in known.items() if text.strip().lower() not in PLACEHOLDERS}
    written = guess_written(name, plain, texts.numbers) if plain else None
    if written is None:
        return None
    own = written.spelling.within(texts.numbers)
    found = _as_number(name, known, replace(texts, numbers=own), few=_FEW_WRITTEN)
    if found is None or found.type not in {"integer", "number"}:
        return None
    return replace(found, why=written.why, doubt=written.doubt, spelling=own)


def _as_number(
    name: str, known: Mapping[str, int], texts: Texts, *, few: float = _FEW
) -> TypeGuess | None:
    rows, found = sum(known.values()), _refused(known, texts)
    if found is None or len(found) == len(known):
        return None
    marked = {text: known[text] for text in found if text.strip().lower() in PLACEHOLDERS}
    others = {text: known[text] for text in found if text not in marked}
    if sum(marked.values()) > rows * _MOST_MARKED:
        return None
    if others and sum(others.values()) > rows * few:
        word = _one_word(others, known)
        if word is None:
            return None
        marked, others = {**marked, word: others[word]}, {}
    numbers = [text.strip() for text in known if text not in found]
    if any(_LEADING_ZERO.fullmatch(_without_groups(text, texts)) for text in numbers):
        return TypeGuess("string", "its digits begin with zeros, which a number would lose")
    marks = tuple(sorted({text.strip() for text in marked}))
    return _of_numbers(name, numbers, texts, marks=marks, refused=sum(others.values()) / rows)


def _of_numbers(
    name: str, numbers: Sequence[str], texts: Texts, *, marks: tuple[str, ...], refused: float
) -> TypeGuess:
    """Return the type of a column whose texts are numbers: counts, days, or numbers."""
    epoch = _epoch(name, numbers)
    if epoch is not None:
        return TypeGuess("timestamp", "its numbers count since 1970", format=epoch, marks=marks)
    is_whole = not any(_FRACTION.search(_without_groups(text, texts)) for text in numbers)
    kind: ColumnType = "integer" if is_whole and _all_integers(numbers, texts) else "number"
    if kind == "integer" and (day := guess_time_form(name, numbers)) is not None:
        return TypeGuess(
            "timestamp", f"its digits are days of the form {day.format}", day.format, marks,
            is_day=True,
        )  # fmt: skip
    digits = (text.lstrip("+-") for text in numbers)
    doubt = "" if texts.numbers == Spelling() else doubt_of(Votes.of(digits), texts.numbers)
    return TypeGuess(kind, "its texts are numbers", marks=marks, refused=refused, doubt=doubt)


def _without_groups(text: str, texts: Texts) -> str:
    """A number without its unit and its separators of thousands."""
    numbers = texts.numbers
    bare = without_unit(text, numbers.unit, parentheses=numbers.parentheses)
    return bare if numbers.thousands is None else bare.replace(numbers.thousands, "")


def _refused(known: Mapping[str, int], texts: Texts) -> list[str] | None:
    """Texts that are no numbers; None where too many of the first ones are none."""
    names = list(known)
    spelling = texts.spelling()
    first = names[:_TRIED_FIRST]
    tried = cast_array(_strings(first), "number", spelling)
    few = sum(len(one.rows) for one in tried.refused)
    if few > max(10, len(first) / 5):
        return None
    cast = tried if len(first) == len(names) else cast_array(_strings(names), "number", spelling)
    return [names[row] for one in cast.refused for row in one.rows]


def _strings(texts: Sequence[str]) -> object:
    import pyarrow as pa

    return pa.array(texts, pa.string())


def _all_integers(numbers: Sequence[str], texts: Texts) -> bool:
    return not cast_array(_strings(numbers), "integer", texts.spelling()).refused


def _one_word(others: Mapping[str, int], known: Mapping[str, int]) -> str | None:
    """The only text among numbers that is none and is repeated: a mark of missing values."""
    if len(others) != 1 or len(known) < 10:  # noqa: PLR2004 - numbers enough to call it one
        return None
    (word, rows) = next(iter(others.items()))
    return word if rows > 1 and not any(one.isdigit() for one in word) else None


def _epoch(name: str, numbers: Sequence[str]) -> str | None:
    lower = name.lower()
    if not any(part in lower for part in ("time", "date", "ts", "epoch", "unix", "created", "_at")):
        return None
    sizes = {len(text.split(".")[0]) for text in numbers}
    if sizes <= {9, 10}:
        return "epoch_seconds"
    return "epoch_milliseconds" if sizes <= {12, 13} else None


def _is_missing(text: str) -> bool:
    return text.strip(BLANKS).lower() in MISSING_WORDS
