"""One value in every format that can express it, and the verdict of each format's reader."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from slipway.adapters.sources.open_delivery import open_delivery
from slipway.errors import BadRequest, SlipwayError
from slipway.serving.v2.binary import SIZE
from slipway.serving.v2.protocol import decode
from slipway.serving.v2.signature import Signature
from slipway.spec.csv import Csv
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.v2_decode import decode_rows
from slipway.values.arrays import CastArray, cast_array
from slipway.values.value_types import ColumnType, canonical_text
from tests.support.command_line import slipway

Form = Literal["text", "integer", "float", "boolean"]

MISSING = "missing"
_REASON = re.compile(r"row 0 that (.+)")


@dataclass(frozen=True)
class Sample:
    """A value as the formats have it; None where a format cannot express it.

    Attributes:
        name: For people.
        form: How it is written: as a text, or as a value of its own type.
        value: The same in Python.
        arrays: Arrow arrays of one cell, as Parquet files have them.
        json: Token of JSON Lines and of V2's JSON.
        tensors: V2 datatypes, each with the bytes of a binary tensor.
    """

    name: str
    form: Form
    value: Any
    arrays: tuple[pa.Array, ...]
    json: str | None
    tensors: Mapping[str, bytes]

    @property
    def argument(self) -> str:
        """The value as an argument of `slipway parse`."""
        return json.dumps(self.value) if self.form == "boolean" else str(self.value)


def text(name: str, value: str) -> Sample:
    """A text: the only form that every format has."""
    data = value.encode()
    arrays = (pa.array([value]), pa.array([data]), pa.array([value]).dictionary_encode())
    tensors = {"BYTES": struct.pack("<I", len(data)) + data}
    return Sample(name, "text", value, arrays, json.dumps(value), tensors)


def integer(name: str, value: int) -> Sample:
    """An integer, in each type that holds it."""
    arrays = [pa.array([Decimal(value)], pa.decimal128(38, 0))]
    tensors = {}
    for datatype, kind, code in (("INT64", pa.int64(), "q"), ("UINT64", pa.uint64(), "Q")):
        low = -(2**63) if code == "q" else 0
        if low <= value < low + 2**64:
            arrays.append(pa.array([value], kind))
            tensors[datatype] = struct.pack(f"<{code}", value)
    return Sample(name, "integer", value, tuple(arrays), str(value), tensors)


def number(name: str, value: float) -> Sample:
    """A float of 64 bits."""
    is_finite = abs(value) < float("inf")
    return Sample(
        name,
        "float",
        value,
        (pa.array([value], pa.float64(), from_pandas=False),),
        repr(value) if is_finite else None,
        {"FP64": struct.pack("<d", value)},
    )


def boolean(name: str, *, value: bool) -> Sample:
    """A truth value."""
    arrays = (pa.array([value]),)
    return Sample(name, "boolean", value, arrays, json.dumps(value), {"BOOL": bytes([value])})


def verdicts(samples: Sequence[Sample], kind: ColumnType, folder: Path) -> list[dict[str, str]]:
    """Verdicts on each sample by format: its canonical text, `missing`, or the refusal.

    Args:
        samples: Values.
        kind: Declared type of their column; the command line's dataset has a column of its name.
        folder: Where files may be written.
    """
    found: list[dict[str, str]] = [{} for _ in samples]
    for place, sample in enumerate(samples):
        for number, array in enumerate(sample.arrays):
            found[place][f"Parquet {number}"] = _parquet(array, kind, folder)
        if sample.json is not None:
            for datatype in sample.tensors:
                body = _json_body(datatype, sample.json)
                found[place][f"V2 JSON {datatype}"] = _served(body, None, kind)
                found[place][f"V2 batch {datatype}"] = _batch(body, kind)
        for datatype, data in sample.tensors.items():
            found[place][f"V2 binary {datatype}"] = _served(*_binary_body(datatype, data), kind)
    for name, some, told in (
        ("CSV", [one for one in samples if one.form == "text"], _csv),
        ("JSON Lines", [one for one in samples if one.json is not None], _json_lines),
        ("CLI", list(samples), _command_line),
    ):
        for sample, verdict in zip(some, told(some, kind, folder), strict=True):
            found[samples.index(sample)][name] = verdict
    return found


def surrogate_verdicts(folder: Path) -> dict[str, str]:
    """Verdicts on half a surrogate pair as a string, by format."""
    data = b"\xed\xa0\x80"
    found = {
        "Parquet": _parquet(pa.array([data], pa.binary()), "string", folder),
        "V2 JSON": _served(_json_body("BYTES", r'"\ud800"'), None, "string"),
        "V2 batch": _batch(_json_body("BYTES", r'"\ud800"'), "string"),
        "V2 binary": _served(*_binary_body("BYTES", struct.pack("<I", len(data)) + data), "string"),
    }
    (folder / "half.jsonl").write_text('{"x": "\\ud800"}\n')
    (folder / "half.csv").write_bytes(b"x,y\n" + data + b",.\n")
    for name, suffix in (("JSON Lines", ".jsonl"), ("CSV", ".csv")):
        try:
            [found[name]] = _delivered(folder / f"half{suffix}", suffix, "string")
        except SlipwayError as error:
            found[name] = f"refused: {error.message}"
    return found


def _csv(samples: Sequence[Sample], kind: ColumnType, folder: Path) -> Iterable[str]:
    written = io.StringIO()
    # A second column, since a line that is empty is no row.
    csv.writer(written).writerows([["x", "y"], *([one.value, "."] for one in samples)])
    path = folder / "values.csv"
    path.write_bytes(written.getvalue().encode())
    return _delivered(path, ".csv", kind)


def _json_lines(samples: Sequence[Sample], kind: ColumnType, folder: Path) -> Iterable[str]:
    path = folder / "values.jsonl"
    path.write_text("".join(f'{{"x": {one.json}}}\n' for one in samples))
    return _delivered(path, ".jsonl", kind)


def _parquet(array: pa.Array, kind: ColumnType, folder: Path) -> str:
    path = folder / "values.parquet"
    pq.write_table(pa.table({"x": array}), path)
    [verdict] = _delivered(path, ".parquet", kind)
    return verdict


def int96(moment: Any, kind: ColumnType, folder: Path) -> str:
    """Verdict on a time that a Parquet file has as INT96."""
    path = folder / "int96.parquet"
    pq.write_table(
        pa.table({"x": pa.array([moment], pa.timestamp("us"))}),
        path,
        use_deprecated_int96_timestamps=True,
    )
    [verdict] = _delivered(path, ".parquet", kind)
    return verdict


def _delivered(path: Path, suffix: str, kind: ColumnType) -> Iterable[str]:
    for rows in open_delivery(path, suffix, csv=Csv()).rows(["x"]):
        match cast_array(rows.columns["x"], kind):
            case CastArray(cells, refused):
                reasons = {row: one.reason for one in refused for row in one.rows}
                for row, value in enumerate(cells.to_pylist()):
                    accepted = MISSING if value is None else canonical_text(value)
                    yield f"refused: {reasons[row]}" if row in reasons else accepted


def _json_body(datatype: str, token: str) -> bytes:
    head = f'{{"inputs": [{{"name": "x", "shape": [1], "datatype": "{datatype}", "data": ['
    return f"{head}{token}]}}]}}".encode()


def _binary_body(datatype: str, data: bytes) -> tuple[bytes, int]:
    tensor = {"name": "x", "shape": [1], "datatype": datatype, "parameters": {SIZE: len(data)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + data, len(head)


def _served(body: bytes, json_bytes: int | None, kind: ColumnType) -> str:
    """Verdict of the model server, on a category and on a key alike."""
    column = RawColumn("x", "string", required=False, type=kind)
    signature = Signature((column,), key="x", event_time=None, key_type=kind)
    try:
        [value] = decode(
            body, Signature((column,), None, None), max_rows=1, json_bytes=json_bytes
        ).columns["x"]
    except BadRequest as error:
        return _refused(str(error))
    if value is None:
        return MISSING
    keys = decode(body, signature, max_rows=1, json_bytes=json_bytes).keys
    return str(value) if keys == [value] else f"a category {value!r} with the key {keys}"


def _batch(body: bytes, kind: ColumnType) -> str:
    column = RawColumn("x", "string", required=False, type=kind)
    try:
        [value] = decode_rows(body, [column], others={})["x"].astype(object)
    except BadRequest as error:
        return _refused(str(error))
    return MISSING if pd.isna(value) else canonical_text(value)


def _refused(message: str) -> str:
    reason = _REASON.search(message)
    return f"refused: {reason[1] if reason else message}"


def _command_line(samples: Sequence[Sample], kind: ColumnType, _: Path) -> Iterable[str]:
    for form in ("text", "integer", "float", "boolean"):
        given = [one for one in samples if one.form == form]
        if given:
            words = ("parse", "values", "features", kind, "--json", "--type", form, "--")
            result = slipway(*words, *(one.argument for one in given))
            for one in json.loads(result.output):
                accepted = MISSING if one["missing"] else one["value"]
                yield f"refused: {one['reason']}" if one["reason"] else accepted
