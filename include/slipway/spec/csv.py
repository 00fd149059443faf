"""Dialect of a dataset's CSV files, and the spelling of a column's texts."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from slipway.spec.base import Spec, SpecConflict
from slipway.values.text_format import (
    BLANKS,
    FALSE_WORDS,
    MISSING_WORDS,
    TRUE_WORDS,
    TextFormat,
)

_NOT_TEXT = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
"""Codecs of Python that encode text and are no encodings of files."""

_SAMPLE = "id,1"

LONGEST_UNIT = 12
"""Characters."""


def _as_written(given: Any) -> Any:
    if isinstance(given, str):
        return given
    raise SpecConflict("must be text", hint="put it in quotes, as it stands in the file")


def _one_character(mark: str) -> str:
    if len(mark) != 1 or not mark.isascii() or mark in "\r\n\0" or mark.isalnum():
        raise SpecConflict(
            f"given {mark!r}; expected one ASCII character that is no letter and no digit",
            hint='a tab is written "\\t"' if mark in {"tab", "\\t"} else None,
        )
    return mark


def _separator(mark: str) -> str:
    if len(mark) != 1 or mark.isalnum() or mark in "+-\r\n\0":
        raise SpecConflict(f"given {mark!r}; expected one character, such as ',' or '.'")
    return mark


def _unit(text: str) -> str:
    is_cut = text != text.strip() or not text
    if is_cut or len(text) > LONGEST_UNIT or re.search(r"[0-9+()\x00-\x1f-]", text):
        raise SpecConflict(
            f"given {text!r}; expected up to {LONGEST_UNIT} characters without digits, signs and "
            "parentheses, and without blanks around them",
            hint="such as '$', '%' or 'kg'; blanks beside the number are passed over",
        )
    return text


def _known_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name).name
        if found not in _NOT_TEXT and _SAMPLE.encode(found).decode(found) == _SAMPLE:
            return found
    except (LookupError, ValueError):
        pass
    raise SpecConflict(
        f"given {name!r}; expected an encoding that Python knows",
        hint="such as utf-8, latin-1, cp1252 or utf-16",
    )


Mark = Annotated[str, AfterValidator(_one_character)]
"""A character that separates or encloses cells."""

Separator = Annotated[str, AfterValidator(_separator)]
"""A character inside numbers."""

Unit = Annotated[str, AfterValidator(_unit)]
"""A sign or a word beside numbers."""

Encoding = Annotated[str, AfterValidator(_known_encoding)]
"""Name of a text encoding, as Python spells it."""

Word = Annotated[str, BeforeValidator(_as_written)]
"""A text of a file, to the letter."""


class Csv(Spec):
    """Dialect of CSV files, and of texts that stand for values in any delivery."""

    delimiter: Mark | None = Field(
        default=None,
        description="Between cells; by default a comma. In `.tsv` files it is always a tab.",
    )
    encoding: Encoding = Field(
        default="utf-8", description="Encoding, e.g. `latin-1`, `cp1252`, `utf-16`."
    )
    decimal: Separator = Field(default=".", description="Decimal mark of numbers.")
    thousands: Separator | None = Field(
        default=None, description="Separator between groups of three digits."
    )
    quote: Mark | None = Field(
        default='"', description="Encloses cells; doubled inside them. `null`: nothing does."
    )
    missing: list[Word] = Field(
        default_factory=list,
        description="Texts that mean a missing value in every column, to the letter, such as `?`. "
        "A number among them, such as `-9999`, also means it where JSON Lines or Parquet has that "
        "number, by value. An empty cell always does; in columns of another type than string so do "
        "NA, N/A, NaN, NaT, None and null, in any case.",
    )
    true: list[Word] = Field(
        default_factory=list, description="Further texts for true in boolean columns, in any case."
    )
    false: list[Word] = Field(
        default_factory=list, description="Further texts for false in boolean columns, in any case."
    )
    skip_lines: int = Field(default=0, ge=0, le=1000, description="Lines before the header.")
    names: list[Word] | None = Field(
        default=None,
        min_length=1,
        description="Names of all columns, in the order of their cells, where no line of the file "
        "has them. None: the header does.",
    )

    @model_validator(mode="after")
    def _marks_differ(self) -> Csv:
        if self.decimal == self.thousands:
            raise SpecConflict(
                "must differ from decimal",
                field=("thousands",),
                hint=f"give the decimal mark too; {self.decimal!r} is the one in force",
            )
        if self.quote is not None and self.quote in {self.delimiter, self.decimal, self.thousands}:
            raise SpecConflict(
                "must differ from delimiter, decimal and thousands",
                field=("quote",),
                hint="`quote: null` if nothing encloses cells",
            )
        if self.delimiter == self.decimal:
            raise SpecConflict(
                f"must differ from decimal, which is {self.decimal!r}",
                field=("delimiter",),
                hint="files with a decimal comma mostly have ';' between cells",
            )
        if self.quote is None and self.delimiter_of(".csv") in {self.decimal, self.thousands}:
            raise SpecConflict(
                "encloses no cell, so numbers are split at the delimiter",
                field=("quote",),
                hint="name the delimiter, or the quote",
            )
        return self

    @model_validator(mode="after")
    def _words_have_one_meaning(self) -> Csv:
        for name, other, known in (("false", "true", TRUE_WORDS), ("true", "false", FALSE_WORDS)):
            taken = {
                **dict.fromkeys({*map(_as_compared, getattr(self, other)), *known}, other),
                **dict.fromkeys({*map(_as_compared, self.missing), *MISSING_WORDS}, "missing"),
            }
            for index, word in enumerate(map(_as_compared, getattr(self, name))):
                meaning = taken.get(word)
                if meaning is not None:
                    raise SpecConflict(
                        f"{word!r} means {meaning} already",
                        field=(name, index),
                        hint=f"remove it from `csv.{name}`, or from `csv.{meaning}`",
                    )
        return self

    def delimiter_of(self, suffix: str) -> str:
        """Return the delimiter of files with a suffix."""
        return "\t" if suffix.startswith(".tsv") else self.delimiter or ","


class Spelled(Protocol):
    """A column, reduced to how its texts spell values."""

    @property
    def format(self) -> str | None:
        """Form of texts; None: ISO 8601."""

    @property
    def timezone(self) -> str | None:
        """Zone of times without an offset; None: UTC."""

    @property
    def decimal(self) -> str | None:
        """Decimal mark; None: that of the dialect."""

    @property
    def thousands(self) -> str | None:
        """Separator of thousands; None: that of the dialect."""

    @property
    def unit(self) -> str | None:
        """What stands beside numbers; None: nothing."""

    @property
    def negative(self) -> str | None:
        """How negative numbers are marked beside a minus; None: in no other way."""


def text_format(csv: Csv, column: Spelled) -> TextFormat:
    """Return the spelling of a column's texts."""
    decimal = column.decimal or csv.decimal
    inherited = None if csv.thousands == decimal else csv.thousands
    return TextFormat(
        decimal=decimal,
        thousands=column.thousands or inherited,
        unit=column.unit,
        parentheses=column.negative == "parentheses",
        missing=frozenset(csv.missing),
        true=frozenset(map(_as_compared, csv.true)),
        false=frozenset(map(_as_compared, csv.false)),
        timestamp=column.format,
        timezone=column.timezone,
    )


def check_marks(csv: Csv, column: Spelled, *, at: tuple[str, ...]) -> None:
    """Raise if a column's marks of numbers have two meanings beside those of the dialect.

    Args:
        csv: Dialect.
        column: Column.
        at: Its place in the spec.

    Raises:
        SpecConflict: They have.
    """
    fmt = text_format(csv, column)
    if column.thousands is not None and fmt.thousands == fmt.decimal:
        raise SpecConflict(
            "must differ from the decimal mark",
            field=(*at, "thousands"),
            hint=f"give `decimal` of the column too; {fmt.decimal!r} is the one in force",
        )
    # A point inside a unit is read to the letter, as that of `Rs.` is.
    is_mark = fmt.unit == fmt.decimal
    if fmt.unit is not None and (
        is_mark or (fmt.thousands is not None and fmt.thousands in fmt.unit)
    ):
        raise SpecConflict(
            f"given {fmt.unit!r}; expected a unit that is no mark inside numbers",
            field=(*at, "unit"),
        )


def _as_compared(word: str) -> str:
    """Return a word as cells are compared with it."""
    return word.strip(BLANKS).lower()
