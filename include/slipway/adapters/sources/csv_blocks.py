"""Cut a stream of CSV text into blocks of whole rows, and know on which line each row begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from slipway.adapters.sources.csv_lexer import CsvLexer, Offsets, RowEnds
from slipway.errors import BadBatch
from slipway.settings import DeliveryLimits
from slipway.stages.ingest.over_limit import MIB, over_limit


@dataclass(frozen=True)
class Block:
    """Some whole rows of a file.

    Attributes:
        text: The rows, in UTF-8.
        first_line: Number of the line on which they begin.
        found: Ends of the rows.
    """

    text: bytes
    first_line: int
    found: RowEnds

    def extents(self) -> tuple[Offsets, Offsets, Offsets]:
        """Return start, end and number of each row that is not blank, of shape (n_rows,)."""
        ends = self.found.ends
        starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
        length = ends - starts
        codes = np.frombuffer(self.text, np.uint8)
        is_blank = (length == 1) | ((length == 2) & (codes[starts] == ord("\r")))  # noqa: PLR2004 - a line break is one or two bytes
        rows = np.flatnonzero(~is_blank)
        return starts[rows], ends[rows], rows

    def parts(self, at_most: int) -> Iterator[Block]:
        """Return the rows in blocks of at most so many."""
        ends, cells, lines = self.found.ends, self.found.cells, self.found.lines
        for first in range(0, len(ends), at_most):
            here = ends[first : first + at_most]
            start, end = int(ends[first - 1]) if first else 0, int(here[-1])
            before, behind = np.searchsorted(lines, [start, end], side="right")
            inside = None if cells is None else cells[first : first + at_most]
            found = RowEnds(here - start, inside, lines[before:behind] - start)
            yield Block(self.text[start:end], self.first_line + int(before), found)

    def lines(self, starts: Offsets) -> Sequence[int]:
        """Return the numbers of the lines on which rows begin."""
        passed = np.searchsorted(self.found.lines, starts, side="right")
        if len(passed) and passed[-1] - passed[0] == len(passed) - 1:
            first = self.first_line + int(passed[0])
            return range(first, first + len(passed))
        numbers: list[int] = (passed + self.first_line).tolist()
        return numbers


@dataclass
class CsvBlocks:
    """A file's text, cut into whole rows.

    Attributes:
        chunks: The text in UTF-8, in pieces.
        lexer: Knows where rows end.
        limits: Limits of a delivery.
    """

    chunks: Iterator[bytes]
    lexer: CsvLexer
    limits: DeliveryLimits
    _rest: bytes = field(default=b"", init=False)
    _line: int = field(default=1, init=False)
    _is_last: bool = field(default=False, init=False)

    def skip_lines(self, count: int) -> None:
        """Pass over lines, whatever they hold."""
        plain = CsvLexer(self.lexer.delimiter, None)
        while (lines := plain.row_ends(self._rest).lines).size < count and not self._is_last:
            self._read_on()
        passed = min(count, lines.size)
        if passed:
            self._pop(int(lines[passed - 1]), lines=passed)

    def header(self) -> bytes:
        """Return the first row that is not blank; empty at the end of the file.

        Raises:
            BadBatch: It never ends.
            OverLimit: It is too long.
        """
        while (block := self._peek()) is not None:
            starts, ends, _ = block.extents()
            end = int(ends[0]) if len(ends) else len(block.text)
            self._pop(end, lines=int(np.searchsorted(block.found.lines, end, side="right")))
            if len(ends):
                return block.text[int(starts[0]) : end]
        return b""

    def __iter__(self) -> Iterator[Block]:
        """Return the rows that are left, in blocks.

        Raises:
            BadBatch: A row never ends.
            OverLimit: A row is too long.
        """
        while (block := self._peek()) is not None:
            self._pop(len(block.text), lines=block.found.lines.size)
            yield block

    def _peek(self) -> Block | None:
        """The whole rows that were read and not popped; None at the end of the file."""
        while not (found := self.lexer.row_ends(self._rest)).ends.size:
            if self._is_last and not self._rest:
                return None
            if self._is_last or len(self._rest) > self.limits.max_row_mib * MIB:
                raise self._endless_row()
            self._read_on()
        end = int(found.ends[-1])
        lines = found.lines[: np.searchsorted(found.lines, end, side="right")]
        return Block(self._rest[:end], self._line, RowEnds(found.ends, found.cells, lines))

    def _read_on(self) -> None:
        chunk = next(self.chunks, None)
        if chunk is not None:
            self._rest += chunk
            return
        self._is_last = True
        if self._rest and not self._rest.endswith(b"\n"):
            self._rest += b"\n"

    def _pop(self, end: int, *, lines: int) -> None:
        self._rest = self._rest[end:]
        self._line += lines

    def _endless_row(self) -> BadBatch:
        quote, limit = self.lexer.quote, f"{self.limits.max_row_mib} MiB"
        hint = "double a quote inside a quoted cell; `csv: {quote: null}` takes quotes as text"
        if quote is None or self._rest.count(quote.encode()) % 2 == 0:
            found = f"a longer row, or none that ends, in line {self._line}"
            return over_limit(self.limits, "max_row_mib", what="MiB in a row", found=found)
        if self._is_last:
            found = f"a quote that is opened in the row of line {self._line} and never closed"
        else:
            found = f"a quote that is opened in the row of line {self._line}, not closed in {limit}"
        return BadBatch(
            "the file cannot be read as CSV",
            expected=f"rows of {limit} at most, each quote closed",
            found=found,
            hint=hint,
        )
