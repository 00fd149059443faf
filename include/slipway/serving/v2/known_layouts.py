"""Decode small requests of layouts seen before in one call of the parser, which checks them too.

A layout is the columns of a request in their order, with their datatypes: a client sends the same
one again and again. Any other request is left to `protocol`; both return the same inputs. No layout
displaces another, so that a client of ever new ones costs the server no more than their requests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from threading import Lock
from typing import Any, Literal, NamedTuple

import msgspec

from slipway.serving.v2.fast_values import FastColumn, Read
from slipway.serving.v2.json_codec import BROKEN, RequestId
from slipway.serving.v2.tensors import Tensor

MOST = 4
"""Layouts kept of a version, the first that come; making one takes about a millisecond."""

_ESCAPED_COLON = b"\\u003"

Columns = tuple[tuple[str, str], ...]
"""Names and datatypes of a request's columns."""


class KnownRequest(NamedTuple):
    """A request of a known layout.

    Attributes:
        id: The client's id, or None.
        rows: Number of rows.
        columns: Values by column as the model takes them, in the order of the request.
        tensors: Columns of key and event time as sent, at least; by name.
    """

    id: str | None
    rows: int
    columns: dict[str, list[Any]]
    tensors: dict[str, Tensor]


class KnownLayouts:
    """The layouts of one signature that were seen; safe to share among threads.

    Args:
        expected: What is accepted of each allowed column, by datatype.
        identifying: Columns of key and event time.
    """

    def __init__(
        self, expected: Mapping[str, Mapping[str, FastColumn]], identifying: Collection[str]
    ) -> None:
        self._expected = expected
        self._identifying = identifying
        self._layouts: list[_Layout] = []
        self._lock = Lock()

    def __len__(self) -> int:
        """Number of layouts that are known."""
        return len(self._layouts)

    def decode(self, body: bytes, *, max_rows: int) -> KnownRequest | None:
        """Decode a request; None if it has no known layout, or needs the full check.

        Args:
            body: JSON; the caller bounds its size.
            max_rows: Limit; requests above it get the full check.
        """
        for layout in self._layouts:
            try:
                request = layout.decoder.decode(body)
            except BROKEN:
                continue
            return layout.read(body, request, max_rows)
        return None

    def learn(self, inputs: Sequence[Tensor]) -> None:
        """Know the layout of a request from now on, which matched the signature.

        Args:
            inputs: Its columns, without parameters.
        """
        if len(self._layouts) == MOST:
            return
        columns = tuple((one.name, one.datatype) for one in inputs)
        with self._lock:
            is_known = any(layout.columns == columns for layout in self._layouts)
            if not is_known and len(self._layouts) < MOST:
                self._layouts.append(_Layout(columns, self._expected, self._identifying))


class _Layout:
    def __init__(
        self,
        columns: Columns,
        expected: Mapping[str, Mapping[str, FastColumn]],
        identifying: Collection[str],
    ) -> None:
        self.columns = columns
        self._names = [name for name, _ in columns]
        accepted = [expected[name][datatype] for name, datatype in columns]
        self._reads: list[tuple[int, Read]] = [
            (place, one.read_cells)
            for place, one in enumerate(accepted)
            if one.read_cells is not None
        ]
        self._identifying = [
            (place, name, kind) for place, (name, kind) in enumerate(columns) if name in identifying
        ]
        self._texts = [place for place, (_, kind) in enumerate(columns) if kind == "BYTES"]
        # One after `inputs`, four in each column, and those of its name.
        self._colons = 1 + sum(4 + name.count(":") for name in self._names)
        self.decoder = msgspec.json.Decoder(_request_type(columns, accepted))

    def read(self, body: bytes, request: Any, max_rows: int) -> KnownRequest | None:
        inputs = request.inputs
        data: list[list[Any]] = [one.data for one in inputs]
        rows, count = len(data[0]), len(data)
        if (
            not 0 < rows <= max_rows
            or [one.shape for one in inputs].count([rows]) != count
            or list(map(len, data)).count(rows) != count
            or not self._holds_no_key_twice(body, request.id, data)
        ):
            return None
        tensors = {
            name: Tensor(name, [rows], kind, data[place]) for place, name, kind in self._identifying
        }
        for place, read in self._reads:
            values = read(data[place])
            if values is None:
                return None
            data[place] = values
        columns = dict(zip(self._names, data, strict=True))
        return KnownRequest(request.id, rows, columns, tensors)

    def _holds_no_key_twice(
        self, body: bytes, request_id: str | None, data: Sequence[Sequence[Any]]
    ) -> bool:
        """Whether each colon is known, of a key or in a text: a key that is repeated adds one."""
        spare = body.count(b":") - self._colons
        if request_id is not None:
            spare -= 1 + request_id.count(":")
        for place in self._texts:
            for text in data[place]:
                if text:
                    spare -= text.count(":")
        return spare == 0 and _ESCAPED_COLON not in body


def _request_type(columns: Columns, accepted: Sequence[FastColumn]) -> Any:
    """Type of a request of a layout, for the parser."""
    tensors: list[Any] = []
    for (name, datatype), column in zip(columns, accepted, strict=True):
        fields: list[Any] = [
            ("name", Literal[name]),
            ("shape", list[int]),
            ("datatype", Literal[datatype]),
            ("data", list[column.cell]),  # type: ignore[name-defined]
        ]
        tensors.append(msgspec.defstruct("Column", fields, forbid_unknown_fields=True, gc=False))
    inputs: Any = tuple[tuple(tensors)]  # type: ignore[misc]  # of a tuple that is made here
    request: list[Any] = [("inputs", inputs), ("id", RequestId | None, None)]
    return msgspec.defstruct("Request", request, forbid_unknown_fields=True, gc=False)
