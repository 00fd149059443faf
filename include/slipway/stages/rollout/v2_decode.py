"""Decode a V2 inference request into rows, for a platform that has no model server."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from slipway.errors import BadRequest
from slipway.spec.identity import Role, RowIdentity
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.v2_tensors import BadTensor, read_cells
from slipway.values.value_types import ColumnType

if TYPE_CHECKING:
    import pandas as pd


def decode_rows(
    body: bytes,
    columns: Sequence[RawColumn],
    *,
    others: Mapping[str, ColumnType | None],
    identity: RowIdentity | None = None,
) -> pd.DataFrame:
    """The columns of a model's signature, from a request body.

    The inverse of `encode_rows`, and as strict as a model server: each column of the signature is
    present, nothing else is but key and event time, and every value is of its declared type.

    Args:
        body: JSON.
        columns: The model's inputs.
        others: Columns that may be present and are not given to the model, with declared types;
            None in versions that were saved without them.
        identity: Key and event time, of whose parts a request has all or none; None: they are
            columns.

    Raises:
        BadRequest: The body does not fit the signature; no value is quoted.
    """
    import pandas as pd

    inputs = _inputs(body)
    unknown = sorted(set(inputs) - {column.name for column in columns} - set(others))
    missing = [column.name for column in columns if column.name not in inputs]
    if unknown or missing:
        _refuse(f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}")
    if identity is not None:
        _refuse_incomplete(identity, inputs, [column.name for column in columns])
    values = {column.name: _values(inputs[column.name], column) for column in columns}
    if len({len(column) for column in values.values()}) != 1:
        _refuse("columns of different lengths")
    for name, kind in others.items():
        if name in inputs and kind is not None:
            is_needed = identity is None or identity.needs(name)
            _cells(inputs[name], RawColumn(name, "string", required=is_needed, type=kind))
    return pd.DataFrame(
        {one.name: pd.Series(values[one.name], dtype=_dtype(one)) for one in columns}
    )


def _refuse_incomplete(
    identity: RowIdentity, sent: Collection[str], inputs: Collection[str]
) -> None:
    roles: tuple[Role, ...] = ("key", "event_time")
    for role in roles:
        if missing := identity.absent(role, sent=sent, inputs=inputs):
            _refuse(f"a part of the {role.replace('_', ' ')}; missing: {', '.join(missing)}")


def _dtype(column: RawColumn) -> str:
    by_kind = {"number": "float64", "string": "object"}
    return {"integer": "Int64", "boolean": "boolean"}.get(column.type or "", by_kind[column.kind])


def _inputs(body: bytes) -> dict[str, Mapping[str, Any]]:
    try:
        value = json.loads(body, parse_constant=lambda word: _refuse(f"the word {word}"))
    except ValueError:
        _refuse("a body that is not JSON")
    tensors = value.get("inputs") if isinstance(value, dict) else None
    if not isinstance(tensors, list) or not tensors:
        _refuse("no inputs")
    named: dict[str, Mapping[str, Any]] = {
        one["name"]: one for one in tensors if isinstance(one, dict) and "name" in one
    }
    if len(named) != len(tensors):
        _refuse("an input without a name, or two of one name")
    return named


def _values(tensor: Mapping[str, Any], column: RawColumn) -> list[Any]:
    if column.type is not None:
        return _cells(tensor, column)
    values = _data(tensor, column.name)
    allowed = (int, float) if column.kind == "number" else (str,)
    for value in values:
        if value is None and column.required:
            _refuse("null in a required column", column.name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, allowed)):
            _refuse(f"a value that is not a {column.kind}", column.name)
    return values


def _cells(tensor: Mapping[str, Any], column: RawColumn) -> list[Any]:
    datatype, kind = tensor.get("datatype"), column.type or "string"
    if not isinstance(datatype, str):
        _refuse("no datatype", column.name)
    try:
        values = read_cells(_data(tensor, column.name), datatype, kind)
    except BadTensor as bad:
        found = "" if bad.found is None else f": {bad.found}"
        _refuse(f"a column that {bad.problem}{found}", column.name, expected=bad.expected)
    if column.required and None in values:
        _refuse(f"no value in row {values.index(None)}, where one is needed", column.name)
    return values


def _data(tensor: Mapping[str, Any], name: str) -> list[Any]:
    values = tensor.get("data")
    if not isinstance(values, list) or tensor.get("shape") not in ([len(values)], [len(values), 1]):
        _refuse("data that does not have its declared shape", name)
    if all(type(cell) is list and len(cell) == 1 for cell in values):
        return [cell[0] for cell in values]
    return values


def _refuse(found: str, column: str | None = None, *, expected: str | None = None) -> NoReturn:
    raise BadRequest(
        "the request does not fit the model's signature",
        expected=expected,
        found=found,
        where=None if column is None else f"column {column}",
    )
