"""Find where the rows of CSV text end, exactly as its quotes have it.

A quote opens a quoted cell only as the first character of a cell, and is doubled inside it; any
other quote is a character like others. Where each quote of a block is at the start or the end of a
cell, counting quotes is exact and fast; other blocks are read cell by cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.int64]

_LF, _CR = 10, 13


@dataclass(frozen=True)
class RowEnds:
    """Ends of the complete rows of a text, each behind its line break.

    Attributes:
        ends: Ends of the rows.
        cells: Number of cells of each row, 0 where text stands behind a closing quote; None: not
            counted, and there is no such row.
        lines: Ends of all lines, those inside quoted cells included.
    """

    ends: Offsets
    cells: Offsets | None
    lines: Offsets


@dataclass(frozen=True)
class CsvLexer:
    """Splits text into rows.

    Attributes:
        delimiter: Character between cells.
        quote: Character that encloses cells; None: nothing does.
    """

    delimiter: str
    quote: str | None

    def row_ends(self, text: bytes, *, is_whole: bool = False) -> RowEnds:
        """Return the ends of a text's complete rows.

        Args:
            text: UTF-8 that begins with a row.
            is_whole: Whether it is known to end with a row: its cells are counted then. Else a
                carriage return at the very end is no line break yet.
        """
        codes = np.frombuffer(text, np.uint8)
        lines = _line_ends(text, codes, is_whole=is_whole)
        quotes = self._quotes(text, codes)
        if not self._enclose_cells(codes, quotes):
            return self._read(text, lines, is_whole=is_whole)
        # An even number of quotes before a line break: it stands outside of them.
        ends = lines[np.searchsorted(quotes, lines) % 2 == 0] if len(quotes) else lines
        cells = self._cells(codes, quotes, ends) if is_whole else None
        return RowEnds(ends, cells, lines)

    def _quotes(self, text: bytes, codes: NDArray[np.uint8]) -> Offsets:
        if self.quote is None or self.quote.encode() not in text:
            return np.empty(0, np.int64)
        return np.flatnonzero(codes == ord(self.quote))

    def _enclose_cells(self, codes: NDArray[np.uint8], quotes: Offsets) -> bool:
        """Whether each quote opens or closes a cell, or is doubled inside one."""
        opening, closing = quotes[0::2], quotes[1::2]
        before = codes[opening - 1]
        starts = (opening == 0) | np.isin(before, self._marks)
        if len(opening) > 1:
            starts[1:] |= opening[1:] == closing[: len(opening) - 1] + 1
        behind = codes[np.minimum(closing + 1, len(codes) - 1)]
        ends = (closing == len(codes) - 1) | np.isin(behind, [*self._marks, ord(self.quote or '"')])
        return bool(starts.all() and ends.all())

    @property
    def _marks(self) -> list[int]:
        return [ord(self.delimiter), _LF, _CR]

    def _cells(self, codes: NDArray[np.uint8], quotes: Offsets, ends: Offsets) -> Offsets:
        marks = np.flatnonzero(codes == ord(self.delimiter))
        if len(quotes):
            marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
        return np.diff(np.searchsorted(marks, ends), prepend=0) + 1

    def _read(self, text: bytes, lines: Offsets, *, is_whole: bool) -> RowEnds:
        delimiter, quote = (re.escape(mark or "").encode() for mark in (self.delimiter, self.quote))
        plain = rb"[^" + delimiter + rb"\r\n]*+"
        inside = rb"[^" + quote + rb"]*+"
        quoted = quote + inside + rb"(?:" + quote * 2 + inside + rb")*+" + quote
        unquoted = rb"(?!" + quote + rb")" + plain
        line_break = rb"\r\n|\n|\r" if is_whole else rb"\r\n|\n|\r(?!\Z)"
        behind = rb"(" + plain + rb")"
        end = rb"(" + delimiter + rb"|" + line_break + rb")"
        cell = rb"(?:" + quoted + behind + rb"|" + unquoted + rb")" + end
        ends, cells, count, at, is_broken = [], [], 0, 0, False
        for found in re.compile(cell).finditer(text):
            if found.start() != at:
                break
            at, count, is_broken = found.end(), count + 1, is_broken or bool(found[1])
            if found[2] != self.delimiter.encode():
                ends.append(at)
                cells.append(0 if is_broken else count)
                count, is_broken = 0, False
        return RowEnds(np.array(ends, np.int64), np.array(cells, np.int64), lines)


def _line_ends(text: bytes, codes: NDArray[np.uint8], *, is_whole: bool) -> Offsets:
    ends = np.flatnonzero(codes == _LF)
    if b"\r" in text:
        returns = np.flatnonzero(codes[:-1] == _CR)
        last = [len(text) - 1] if is_whole and text.endswith(b"\r") else []
        ends = np.sort(np.concatenate([ends, returns[codes[returns + 1] != _LF], last]))
    return ends.astype(np.int64) + 1
