"""JSON Schemas of infer requests and responses, built from the model's signature.

Runs in model servers only.
JSON Schema cannot express that all columns have the same number of rows, nor that a value fits the
datatype of its column; a request that violates only these is rejected with 422.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway.serving.v2.binary import SIZE
from slipway.serving.v2.explanation import EXPLAIN, EXPLANATIONS
from slipway.serving.v2.json_codec import LONGEST_ID
from slipway.serving.v2.model_metadata import datatype_of
from slipway.serving.v2.protocol import UNSUPPORTED_PARAMETERS
from slipway.serving.v2.response_schema import response_schema
from slipway.serving.v2.signature import LoggedColumn, Signature
from slipway.serving.v2.untyped import ALLOWED, EXACT, KEY, NUMBER, STRING
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.v2_tensors import DATATYPE, FLOATS, INTEGERS, TAKEN
from slipway.values.value_types import INTEGER_MAX, INTEGER_MIN, LARGEST_NUMBER, ColumnType

Schema = dict[str, Any]

EXAMPLE_TIME = "2013-05-01T12:00:00+00:00"
SCALARS: Schema = {"type": ["string", "number", "boolean", "null"]}
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "examples": ["the request lacks column 'hour'"]}},
}


EXAMPLES: dict[ColumnType, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "timestamp": EXAMPLE_TIME,
}


@dataclass(frozen=True)
class Input:
    """One column of the schema.

    Attributes:
        name: Column name.
        datatype: V2 datatype in the model's metadata.
        taken: Every datatype that is taken.
        largest: Largest number that is taken.
        nullable: Whether null is allowed.
        example: A synthetic value.
    """

    name: str
    datatype: str
    taken: frozenset[str]
    largest: float
    nullable: bool
    example: float | str


def reference(name: str) -> Schema:
    """Reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def components(signature: Signature, *, max_rows: int) -> dict[str, Schema]:
    """All named schemas of the document.

    Args:
        signature: The model's inputs.
        max_rows: Limit on rows per request.
    """
    inputs = inputs_of(signature)
    needed = len(signature.columns)
    return {
        "Error": ERROR,
        "InferRequest": {"anyOf": [reference("OneRow"), reference("ManyRows")]},
        "OneRow": _request(
            _one_row(inputs, needed), signature, "One row, its columns in the model's order."
        ),
        "ManyRows": _request(
            _many_rows(inputs, needed, max_rows=max_rows),
            signature,
            "The columns in any order, all with the same number of rows.",
        ),
        "InferResponse": response_schema(signature),
    }


def inputs_of(signature: Signature) -> tuple[Input, ...]:
    """The model's columns, then the key and event time columns that are only logged."""
    examples = _examples(signature)
    return (
        *(_feature(column, examples) for column in signature.columns),
        *(_logged(one, examples) for one in signature.logged),
    )


def _examples(signature: Signature) -> dict[str | None, Any]:
    """Values of columns that not every value of their type suits."""
    examples: dict[str | None, Any] = {signature.event_time: EXAMPLE_TIME}
    if signature.key_type in {None, "string"}:
        examples[signature.key] = "row-1"
    time = None if signature.identity is None else signature.identity.time
    if time is not None and time.parts:
        shown = time.form.spelt(datetime.fromisoformat(EXAMPLE_TIME))
        examples |= {
            part.name: int(text) if part.type == "integer" and text.isdecimal() else text
            for part, text in zip(time.parts, shown, strict=True)
        }
    return examples


def _feature(column: RawColumn, examples: Mapping[str | None, Any]) -> Input:
    is_number = column.kind == "number"
    if column.type is None:
        taken, shown = ALLOWED[NUMBER if is_number else STRING], 1.5 if is_number else "text"
    else:
        taken, shown = TAKEN[column.type], EXAMPLES[column.type]
    return Input(
        column.name,
        datatype_of(column),
        taken,
        largest=FLOATS["FP64"] if column.type is None else LARGEST_NUMBER,
        nullable=not column.required,
        example=examples.get(column.name, shown),
    )


def _logged(one: LoggedColumn, examples: Mapping[str | None, Any]) -> Input:
    if one.type is None:
        shown = examples[one.name]
        return Input(one.name, "BYTES", ALLOWED[KEY], FLOATS["FP64"], nullable=False, example=shown)
    return Input(
        one.name,
        DATATYPE[one.type],
        TAKEN[one.type],
        LARGEST_NUMBER,
        nullable=one.nullable,
        example=examples.get(one.name, EXAMPLES[one.type]),
    )


def example(signature: Signature) -> Schema:
    """Example request with one row."""
    inputs = [
        {"name": one.name, "shape": [1], "datatype": one.datatype, "data": [one.example]}
        for one in inputs_of(signature)
    ]
    return {"id": "example", "inputs": inputs}


def _request(inputs: Schema, signature: Signature, description: str) -> Schema:
    names = [*signature.outputs, *(EXPLANATIONS if signature.explains else ())]
    # A version that does not explain its answers refuses `true`.
    explain: Schema = {"type": "boolean"} if signature.explains else {"const": False}
    return {
        "type": "object",
        "description": description,
        "required": ["inputs"],
        "additionalProperties": False,
        "properties": {
            "id": {"type": ["string", "null"], "maxLength": LONGEST_ID},
            "model_name": {"type": ["string", "null"]},
            "model_version": {"type": ["string", "null"]},
            "parameters": _parameters(binary_data_output={"type": "boolean"}, **{EXPLAIN: explain}),
            "inputs": inputs,
            "outputs": {
                "type": ["array", "null"],
                "maxItems": len(names),
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": False,
                    "properties": {
                        "name": {"const": names[0]} if len(names) == 1 else {"enum": names},
                        "parameters": _parameters(
                            binary_data={"type": "boolean"},
                            **dict.fromkeys(UNSUPPORTED_PARAMETERS, False),
                        ),
                    },
                },
            },
        },
    }


def _parameters(**known: Schema | bool) -> Schema:
    return {
        "type": ["object", "null"],
        "properties": dict(sorted(known.items())),
        "additionalProperties": SCALARS,
    }


def _one_row(inputs: tuple[Input, ...], needed: int) -> Schema:
    """Columns of a one-row request in order; the logged-only ones at the end are optional."""
    return {
        "type": "array",
        "minItems": needed,
        "maxItems": len(inputs),
        "prefixItems": [
            _input(
                one.name,
                shape={"const": [1]},
                datatype={"const": one.datatype},
                data=_nested(_value({one.datatype}, one, largest=EXACT)),
            )
            for one in inputs
        ],
    }


def _many_rows(inputs: tuple[Input, ...], needed: int, *, max_rows: int) -> Schema:
    count = {"type": "integer", "minimum": 1, "maximum": max_rows}
    shape = {"type": "array", "minItems": 1, "maxItems": 2, "prefixItems": [count, {"const": 1}]}
    columns = []
    for one in inputs:
        value = _value(one.taken, one, largest=one.largest)
        data = {
            "type": "array",
            "minItems": 1,
            "maxItems": max_rows,
            "items": {"anyOf": [value, _nested(value)]},
        }
        datatype = {"enum": sorted(one.taken)}
        columns.append(_input(one.name, shape=shape, datatype=datatype, data=data))
    once = [
        {
            "contains": {"required": ["name"], "properties": {"name": {"const": one.name}}},
            "minContains": int(place < needed),
            "maxContains": 1,
        }
        for place, one in enumerate(inputs)
    ]
    return {"type": "array", "items": {"anyOf": columns}, "allOf": once}


def _input(name: str, **parts: Schema) -> Schema:
    return {
        "type": "object",
        "title": name,
        "required": ["name", *parts],
        "additionalProperties": False,
        "properties": {
            "name": {"const": name},
            **parts,
            # A column with `data` must not have binary data as well.
            "parameters": _parameters(**{SIZE: {"type": "null"}}),
        },
    }


def _nested(value: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "maxItems": 1, "items": value}


def _value(datatypes: Collection[str], one: Input, *, largest: float) -> Schema:
    """Schema of one value in any of some datatypes.

    Args:
        datatypes: V2 datatypes.
        one: The column.
        largest: Largest float: above 2^53 float64 does not hold every integer.
    """
    types = ["null"] if one.nullable else []
    types += ["string"] if "BYTES" in datatypes else []
    types += ["boolean"] if "BOOL" in datatypes else []
    if not FLOATS.keys().isdisjoint(datatypes):
        return {"type": [*types, "number"], "minimum": -largest, "maximum": largest}
    if not INTEGERS.keys().isdisjoint(datatypes):
        bounds = {"minimum": INTEGER_MIN, "maximum": 2 * INTEGER_MAX + 1}
        if set(datatypes) == {"INT64"}:
            bounds["maximum"] = INTEGER_MAX
        return {"type": [*types, "integer"], **bounds}
    return {"type": types}
