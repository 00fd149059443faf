"""Read the headers of a Parquet file's pages, which tell their sizes before one is decompressed.

The footer repeats the sizes and can be wrong; a reader takes memory as the pages' headers say.
Thrift's compact protocol is read here because pyarrow gives access to no page header.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from slipway.adapters.sources.unreadable import truncated
from slipway.errors import BadBatch

_HEADER_BYTES = 512
_LONGEST_HEADER = 2**20
_DEEPEST = 16

_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_DETAILS = {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}
_BY_DICTIONARY = frozenset({2, 8})
_BY_PREFIX = 7
"""Encoding `DELTA_BYTE_ARRAY`: a value repeats the begin of the one before it."""

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = (
    1, 2, 3, 7, 8, 9, 10, 11, 12, 13,
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """A page as its header describes it.

    Attributes:
        size: Bytes in memory, decompressed.
        values: Number of its values, missing ones included.
        is_dictionary: Whether it holds the dictionary of the pages behind it.
        by_dictionary: Whether its values are positions in the dictionary.
        by_prefix: Whether values repeat the begin of the one before them.
    """

    size: int
    values: int
    is_dictionary: bool
    by_dictionary: bool
    by_prefix: bool


def read_pages(stream: BinaryIO, *, start: int, length: int, values: int) -> Iterator[Page]:
    """Return the pages with values or a dictionary in one column of a row group, in their order.

    Source: parquet-format 2.11, `PageHeader` in parquet.thrift; the walk is that of Arrow's reader.

    Args:
        stream: The file.
        start: Where the first page begins.
        length: Bytes of all pages with their headers.
        values: Number of values, at which a reader stops.

    Raises:
        BadBatch: A header is damaged.
    """
    at, end, seen = start, start + length, 0
    while at < end and seen < values:
        header, size = _read_header(stream, at)
        packed, unpacked = header.get(3), header.get(2)
        if not (isinstance(packed, int) and isinstance(unpacked, int)) or min(packed, unpacked) < 0:
            raise _damaged()
        at += size + packed
        page = _page(header, unpacked)
        if page is not None:
            seen += 0 if page.is_dictionary else page.values
            yield page


def _page(header: dict[int, Any], size: int) -> Page | None:
    """The page of a header; None for one that a reader passes over."""
    kind = header.get(1)
    inner = header.get(_DETAILS.get(kind, 0)) if isinstance(kind, int) else None
    if not isinstance(inner, dict):
        return None
    values, encoding = inner.get(1), inner.get(4 if kind == _DATA_V2 else 2)
    if not isinstance(values, int) or values < 0:
        raise _damaged()
    is_dictionary = kind == _DICTIONARY
    by_dictionary = not is_dictionary and encoding in _BY_DICTIONARY
    return Page(size, values, is_dictionary, by_dictionary, encoding == _BY_PREFIX)


def _read_header(stream: BinaryIO, at: int) -> tuple[dict[int, Any], int]:
    """The fields of a header by number, and its length."""
    wanted = _HEADER_BYTES
    while True:
        stream.seek(at)
        data = stream.read(wanted)
        reader = _Compact(data)
        try:
            return reader.struct(), reader.at
        except IndexError as error:
            if len(data) < wanted or wanted > _LONGEST_HEADER:
                raise _damaged() from error
            wanted *= 16


@dataclass
class _Compact:
    """Bytes in Thrift's compact protocol; `IndexError` where they end too early."""

    data: bytes
    at: int = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Read the fields of a struct by number."""
        if depth > _DEEPEST:
            raise _damaged()
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != 0:
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            fields[number] = kind == _TRUE if kind in {_TRUE, _FALSE} else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in {4, 5, 6}:
            return self._integer()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind == _BINARY:
            return self._skip(self._unsigned())
        if kind in {_TRUE, _FALSE, _BYTE, _DOUBLE, _UUID}:
            return self._skip({_DOUBLE: 8, _UUID: 16}.get(kind, 1))
        if kind in {_LIST, _SET}:
            return self._list(depth)
        raise _damaged()

    def _list(self, depth: int) -> None:
        head = self._byte()
        count = head >> 4 if head >> 4 != 15 else self._unsigned()  # noqa: PLR2004 - the mark of a longer list
        for _ in range(count):
            self._value(head & 15, depth + 1)

    def _integer(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004 - the highest bit tells that more follows
                return value
            shift += 7

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self.data):
            raise IndexError


def _damaged() -> BadBatch:
    return truncated("a complete Parquet file", "a file that is truncated or damaged")
