"""Read a CSV file of any dialect, row by row as people see it, in bounded memory.

pyarrow parses and converts; where rows begin, and which of them are ragged, is found here, because
pyarrow knows a ragged row's number only within one block, and raises at one that is no UTF-8.
"""

from __future__ import annotations

import codecs
import csv as python_csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from slipway.adapters.sources.byte_stream import open_bytes
from slipway.adapters.sources.columns import positions_of
from slipway.adapters.sources.csv_blocks import Block, CsvBlocks
from slipway.adapters.sources.csv_lexer import CsvLexer
from slipway.adapters.sources.encoding_doubts import encoding_doubts
from slipway.adapters.sources.text_blocks import read_text_blocks, wrong_encoding
from slipway.adapters.sources.unreadable import (
    empty_file,
    format_of,
    is_json_object,
    no_rows,
    not_of_format,
    truncated,
)
from slipway.errors import BadBatch
from slipway.settings import DeliveryLimits
from slipway.spec.csv import Csv
from slipway.stages.ports.delivery_source import ROWS_AT_ONCE, BrokenLine, DeliveredRows

LONGEST_TEXT = 1000
"""Characters of a broken line that are kept."""

RAGGED_ROWS_AT_ONCE = 65_536
"""A line that is no row takes a hundred times the memory of the two bytes that it can have."""


@dataclass(frozen=True)
class CsvFile:
    """Fulfils `OpenDelivery` for CSV.

    Attributes:
        path: File; `….gz` is decompressed.
        csv: Dialect.
        lexer: Finds the ends of rows.
        names: Names of all columns, as the header or the dialect has them.
        limits: Limits of a delivery.
        doubts: Why it may be in another encoding.
        has_header_line: Whether it has one; else the dialect has the names.
        indexes: None: CSV has columns only.
    """

    path: Path
    csv: Csv
    lexer: CsvLexer
    names: tuple[str, ...]
    limits: DeliveryLimits
    doubts: tuple[str, ...] = ()
    has_header_line: bool = True
    indexes: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path, csv: Csv, *, delimiter: str, limits: DeliveryLimits) -> CsvFile:
        """Read the header of a file.

        Raises:
            BadBatch: There is none, or it cannot be read.
            OverLimit: It is too long.
        """
        with open_bytes(path, limits) as stream:
            head = stream.read(16)
        found = format_of(head)
        if found and not (found == "UTF-16" and csv.encoding.startswith(("utf-16", "utf-32"))):
            raise not_of_format("CSV", head)
        lexer = CsvLexer(delimiter, csv.quote)
        doubts = encoding_doubts(path, csv.encoding, limits)
        header = _blocks(path, csv, lexer, limits).header()
        if is_json_object(header):
            raise not_of_format("CSV", header)
        if not header:
            raise empty_file("a header and at least one row")
        if csv.names is not None:
            return cls(path, csv, lexer, tuple(csv.names), limits, doubts, has_header_line=False)
        return cls(path, csv, lexer, _names(header, csv, lexer), limits, doubts)

    def rows(
        self, columns: Sequence[str], *, at_most: int = ROWS_AT_ONCE
    ) -> Iterator[DeliveredRows]:
        """Read the rows, from the first on; empty cells are missing, all others text.

        Raises:
            BadBatch: A cell of these columns is not in the file's encoding, a quote is never
                closed, or there is no row.
            OverLimit: A row is too long, or the file too large in sum.
        """
        blocks = _blocks(self.path, self.csv, self.lexer, self.limits)
        if self.has_header_line:
            blocks.header()
        is_empty = True
        for block in blocks:
            for rows in self._of_block(block, columns, at_most):
                is_empty = False
                yield rows
        if is_empty:
            raise no_rows()

    def _of_block(
        self, block: Block, columns: Sequence[str], at_most: int
    ) -> Iterator[DeliveredRows]:
        table = None if block.found.cells is not None else self._converted(block.text, columns)
        if table is not None:
            lines = block.lines(block.extents()[0])
            yield from self._rows_of(block, table, lines, [], at_most)
            return
        for part in block.parts(RAGGED_ROWS_AT_ONCE):
            text, lines, broken = self._without_ragged_rows(part)
            table = self._convert_or_name_the_line(text, columns, lines)
            yield from self._rows_of(part, table, lines, broken, at_most)

    def _rows_of(
        self,
        block: Block,
        table: pa.Table,
        lines: Sequence[int],
        broken: list[BrokenLine],
        at_most: int,
    ) -> Iterator[DeliveredRows]:
        if table.num_rows != len(lines):
            raise BadBatch(
                "the file cannot be read as CSV",
                expected=f"{len(lines)} rows from line {block.first_line} on",
                found=f"{table.num_rows} rows",
            )
        for at in range(0, max(table.num_rows, 1), at_most):
            piece, these = table.slice(at, at_most), lines[at : at + at_most]
            last = these[-1] if at + at_most < table.num_rows else None
            ready = [one for one in broken if last is None or one.line <= last]
            broken = broken[len(ready) :]
            if piece.num_rows or ready:
                cells = {name: _array(piece.column(name)) for name in table.column_names}
                yield DeliveredRows(cells, piece.num_rows, these, tuple(ready))

    def _converted(self, text: bytes, columns: Sequence[str]) -> pa.Table | None:
        """Cells of some columns; None where a row is ragged, or a cell is no UTF-8."""
        try:
            return self._convert(text, columns)
        except pa.ArrowException:
            return None

    def _convert(
        self, text: bytes, columns: Sequence[str], *, kind: pa.DataType | None = None
    ) -> pa.Table:
        """Cells of some columns, in their order."""
        positions = [str(at) for at in positions_of(self.names, columns)]
        if not text or text.startswith(codecs.BOM_UTF8):
            # pyarrow refuses to read nothing, and takes a mark away wherever it starts to read.
            text = b"\n" + text
        table = arrow_csv.read_csv(
            pa.BufferReader(text),
            read_options=arrow_csv.ReadOptions(
                column_names=[str(at) for at in range(len(self.names))],
                block_size=len(text) + 1,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.lexer.delimiter,
                quote_char=self.lexer.quote or False,
                newlines_in_values=True,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(positions, kind or pa.string()),
                include_columns=positions,
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
        return table.rename_columns(list(columns))

    def _without_ragged_rows(self, block: Block) -> tuple[bytes, Sequence[int], list[BrokenLine]]:
        """Text of the rows that have a cell for each column, their lines, and the other rows."""
        starts, ends, rows = block.extents()
        cells = self.lexer.row_ends(block.text, is_whole=True).cells
        counts = [] if cells is None else cells[rows].tolist()
        lines = block.lines(starts)
        text, kept, broken = [], [], []
        for start, end, line, count in zip(starts, ends, lines, counts, strict=True):
            row = block.text[start:end]
            if count == len(self.names):
                text.append(row)
                kept.append(line)
            else:
                broken.append(_ragged(row, line, count, expected=len(self.names)))
        return b"".join(text), kept, broken

    def _convert_or_name_the_line(
        self, text: bytes, columns: Sequence[str], lines: Sequence[int]
    ) -> pa.Table:
        try:
            return self._convert(text, columns)
        except pa.ArrowException as error:
            for column in self._convert(text, columns, kind=pa.binary()).columns:
                for line, cell in zip(lines, column.to_pylist(), strict=True):
                    if cell is not None and not _is_utf8(cell):
                        raise wrong_encoding(
                            self.csv.encoding, f"other bytes in line {line}"
                        ) from error
            raise truncated("rows of CSV", f"other text from line {lines[0]} on") from error


def _blocks(path: Path, csv: Csv, lexer: CsvLexer, limits: DeliveryLimits) -> CsvBlocks:
    blocks = CsvBlocks(read_text_blocks(path, csv.encoding, limits), lexer, limits)
    blocks.skip_lines(csv.skip_lines)
    return blocks


def _names(header: bytes, csv: Csv, lexer: CsvLexer) -> tuple[str, ...]:
    try:
        text = header.decode()
    except UnicodeDecodeError as error:
        raise wrong_encoding(csv.encoding, "other bytes in the header") from error
    if "\0" in text:
        raise wrong_encoding(csv.encoding, "NUL characters in the header, as UTF-16 would have")
    marks = {"quotechar": lexer.quote} if lexer.quote else {"quoting": python_csv.QUOTE_NONE}
    try:
        (names,) = python_csv.reader([text], delimiter=lexer.delimiter, **marks)
    except (python_csv.Error, ValueError) as error:
        raise truncated("a header with the names of the columns", "other text") from error
    return tuple(names)


def _ragged(row: bytes, line: int, count: int, *, expected: int) -> BrokenLine:
    text = row.decode(errors="replace").rstrip("\r\n")[:LONGEST_TEXT]
    if not count:
        return BrokenLine(line, "has text behind a closing quote", text)
    values = "value" if count == 1 else "values"
    return BrokenLine(line, f"has {count} {values} where the header has {expected}", text)


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True
