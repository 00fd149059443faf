"""Guess the dialect of a CSV file from its first bytes: encoding, delimiter, quote, header."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

DELIMITERS = (",", ";", "\t", "|", "^", "~", ":")
MOST_SKIPPED = 20
_LINES = 200
_NUMBER = re.compile(r"\s*[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?\s*")
_NAME = re.compile(r"[^\W\d]", re.UNICODE)
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Dialect:
    """Dialect of a CSV file.

    Attributes:
        delimiter: Between cells.
        encoding: As Python spells it.
        quote: Encloses cells; None: nothing does.
        skip_lines: Lines before the header, or before the first row.
        has_header: Whether the first row has the names of the columns.
        width: Number of columns.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    quote: str | None = '"'
    skip_lines: int = 0
    has_header: bool = True
    width: int = 0


def guess_dialect(head: bytes, *, delimiter: str | None = None) -> Dialect:
    """Return the dialect under which the first lines are a table.

    Args:
        head: First bytes of the file, decompressed; the last line may be cut.
        delimiter: Known delimiter, as of a `.tsv` file.
    """
    encoding = guess_encoding(head)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    # Lines end as those of CSV do, and keep their ends, which cells in quotes may hold.
    lines = list(StringIO(text, newline=""))
    if len(lines) > 1 and not text.endswith(("\n", "\r")):
        lines = lines[:-1]
    lines = lines[:_LINES]
    tried = [
        (_fit(lines, mark, quote), mark, quote)
        for mark in ([delimiter] if delimiter else DELIMITERS)
        for quote in [_quote(lines, mark)]
    ]
    (_, width, skipped), mark, quote = max(tried, key=lambda one: one[0])
    rows = _rows(lines[skipped:], mark, quote)
    if not any(quote in line for line in lines):
        quote = '"'
    return Dialect(
        delimiter=mark,
        encoding=encoding,
        quote=quote,
        skip_lines=skipped,
        has_header=_has_header(rows),
        width=width,
    )


def guess_encoding(head: bytes) -> str:
    """Return the encoding of a text: by its mark, else UTF-8 where it is that, else cp1252."""
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    odd, even = head[1:2000:2].count(0), head[0:2000:2].count(0)
    if max(odd, even) > len(head[:2000]) / 4:
        return "utf-16-le" if odd > even else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        # Five of its codes have no character, which latin-1 has as controls.
        return "latin-1" if set(head) & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "cp1252"
    return "utf-8"


def _quote(lines: Sequence[str], mark: str) -> str:
    """The quote that encloses cells: a simple one where it encloses more, in most of the lines."""
    single, double = (_enclosed(lines, mark, quote) for quote in ("'", '"'))
    return "'" if single > max(double, len(lines) / 2) else '"'


def _enclosed(lines: Sequence[str], mark: str, quote: str) -> int:
    """Number of cells that a quote both opens and closes, about."""
    opened = sum(line.startswith(quote) + line.count(f"{mark}{quote}") for line in lines)
    closed = sum(
        line.rstrip("\r\n").endswith(quote) + line.count(f"{quote}{mark}") for line in lines
    )
    return min(opened, closed)


def _rows(lines: Sequence[str], mark: str, quote: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(lines, delimiter=mark, quotechar=quote) if row]
    except csv.Error:
        return []


def _fit(lines: Sequence[str], mark: str, quote: str) -> tuple[float, int, int]:
    """How well lines are a table: share of rows of the commonest width, width, lines before it."""
    widths = [len(row) for row in _rows(lines, mark, quote)]
    if not widths:
        return 0.0, 1, 0
    counted = Counter(widths)
    width = max(counted, key=lambda one: (counted[one] * (one > 1), one))
    share = counted[width] / len(widths)
    skipped = _before(lines, mark, quote, width)
    weight = share * (1.0 - 1.0 / (1 + width)) if width > 1 else 0.01
    return weight, width, skipped


def _before(lines: Sequence[str], mark: str, quote: str, width: int) -> int:
    """Number of lines before the first row of the table, if they are a title and no ragged rows."""
    number = 0
    while number < min(len(lines), MOST_SKIPPED + 1):
        row, size = _row_from(lines[number:], mark, quote)
        # A title that a spreadsheet wrote has empty cells behind it.
        if len(row) == width and sum(bool(cell.strip()) for cell in row) > (width > 2):  # noqa: PLR2004
            return number
        if len(row) > width:
            return 0
        number += size
    return 0


def _row_from(lines: Sequence[str], mark: str, quote: str) -> tuple[list[str], int]:
    """The row that begins with the first line, and its number of lines.

    A quote that nothing closes, as the one of an inch in a title, encloses no line break.
    """
    reader = csv.reader(lines, delimiter=mark, quotechar=quote)
    try:
        row = next(reader, [])
    except csv.Error:
        return [], 1
    if reader.line_num < len(lines):
        return row, reader.line_num
    return next(iter(_rows(lines[:1], mark, quote)), []), 1


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row holds names: texts where the rows below hold numbers, or no repeats."""
    if len(rows) < 2:  # noqa: PLR2004 - a header and a row
        return True
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if any(_NUMBER.fullmatch(cell) for cell in first):
        # A year may be the name of a column, beside other names.
        return sum(bool(_NUMBER.fullmatch(cell)) for cell in first) < len(first) / 4 and bool(
            _numeric_columns(below) - {at for at, c in enumerate(first) if _NUMBER.fullmatch(c)}
        )
    if _numeric_columns(below):
        return all(_NAME.search(cell) or not cell.strip() for cell in first) or len(
            set(first)
        ) == len(first)
    seen = [{row[at] for row in below} for at in range(len(first))]
    return not any(cell in values for cell, values in zip(first, seen, strict=True) if cell)


def _numeric_columns(rows: Sequence[Sequence[str]]) -> set[int]:
    """Columns that mostly hold numbers."""
    if not rows:
        return set()
    return {
        at
        for at in range(len(rows[0]))
        if sum(bool(_NUMBER.fullmatch(row[at])) for row in rows) > len(rows) * 0.8
    }
