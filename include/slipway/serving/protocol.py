"""Open Inference Protocol V2 over REST: requests checked against a signature, answers encoded.

Runs in model servers only.
A refusal names the column and what was expected of it; it never repeats a value.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from slipway.errors import BadRequest
from slipway.serving.tensors import (
    Kind,
    Mismatch,
    Tensor,
    event_times_of,
    keys_of,
    shown,
    values_of,
)

OUTPUT = "score"


class Malformed(BadRequest):
    """A body is not a V2 request; a retry cannot help."""


class TooLarge(BadRequest):
    """A request holds more bytes or rows than are answered at once; smaller ones can help."""


@dataclass(frozen=True)
class Column:
    """One input of the model.

    Attributes:
        name: Its name.
        kind: What its values are.
        required: Whether null is refused.
    """

    name: str
    kind: Kind
    required: bool


@dataclass(frozen=True)
class Signature:
    """What a request may hold.

    Attributes:
        columns: The model's inputs, in its own order.
        key: Column that identifies a row; logged, not given to the model.
        event_time: Column saying when a row happened; logged, not given to the model.
    """

    columns: tuple[Column, ...]
    key: str | None
    event_time: str | None


@dataclass(frozen=True)
class Inputs:
    """A request that fits the signature.

    Attributes:
        request_id: The client's own id, or None.
        rows: How many rows it asks about, at least one.
        columns: Values by column, in the signature's order; None where null was sent.
        keys: The rows' keys, or None when none were sent.
        event_times_us: Microseconds since 1970 in UTC, or None when none were sent.
        probe: Whether `parameters.probe` says that this is a check, not a client's question.
        wants_binary: Whether the scores shall be sent as bytes behind the JSON.
    """

    request_id: str | None
    rows: int
    columns: Mapping[str, list[Any]]
    keys: list[str] | None
    event_times_us: list[int] | None
    probe: bool
    wants_binary: bool = False


@dataclass(frozen=True)
class Encoded:
    """An answer as it travels.

    Attributes:
        body: All of it.
        json_bytes: How many of them are JSON, where binary data follow; None: all of them.
    """

    body: bytes
    json_bytes: int | None = None


class AskedOutput(msgspec.Struct):
    """An output that the client names."""

    name: str
    parameters: dict[str, Any] | None = None


class InferRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an infer request."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] | None = None
    outputs: list[AskedOutput] | None = None


class InferResponse(msgspec.Struct):
    """The body of an answer."""

    model_name: str
    model_version: str
    id: str
    outputs: list[Tensor]


_decoder = msgspec.json.Decoder(InferRequest)
_encoder = msgspec.json.Encoder()


def decode(
    body: bytes, signature: Signature, *, max_rows: int, json_bytes: int | None = None
) -> Inputs:
    """The checked inputs of one request.

    Args:
        body: JSON as it arrived, with binary data behind it if `json_bytes` says so.
        signature: What the model takes.
        max_rows: More rows are refused.
        json_bytes: How many bytes of the body are JSON; None: all of them.

    Raises:
        Malformed: The body is not a V2 request.
        Mismatch: It does not fit the signature.
        TooLarge: It holds too many rows.
    """
    request = _parse(body if json_bytes is None else body[:json_bytes])
    tensors = _by_name(request.inputs)
    _check_names(tensors, signature)
    rows = _count_rows(request.inputs, max_rows=max_rows)
    if any(output.name != OUTPUT for output in request.outputs or ()):
        raise Mismatch("an output was asked for that the model does not have", expected=OUTPUT)
    columns = {
        column.name: values_of(
            tensors[column.name], kinds=(column.kind,), nullable=not column.required
        )
        for column in signature.columns
    }
    return Inputs(
        request_id=request.id,
        rows=rows,
        columns=columns,
        keys=_optional(tensors, signature.key, keys_of),
        event_times_us=_optional(tensors, signature.event_time, event_times_of),
        probe=(request.parameters or {}).get("probe") is True,
    )


def encode_answer(
    model: str, version: int, request_id: str, scores: Sequence[float], *, binary: bool = False
) -> Encoded:
    """The answer: one FP64 output named `score`, of shape (n_rows,).

    Args:
        model: Name of the model.
        version: Its version.
        request_id: Whose answer this is.
        scores: One per row.
        binary: Whether they follow the JSON as bytes.
    """
    rows = len(scores)
    if not binary:
        output = Tensor(OUTPUT, [rows], "FP64", list(scores))
        return Encoded(_encoder.encode(InferResponse(model, str(version), request_id, [output])))
    tail = struct.pack(f"<{rows}d", *scores)
    output = Tensor(OUTPUT, [rows], "FP64", [], {"binary_data_size": len(tail)})
    head = _encoder.encode(InferResponse(model, str(version), request_id, [output]))
    return Encoded(head + tail, len(head))


def describe(model: str, version: int, signature: Signature) -> dict[str, Any]:
    """V2 metadata of a model: what a request holds and what an answer holds."""
    inputs: list[dict[str, Any]] = [
        {
            "name": column.name,
            "datatype": "FP64" if column.kind == "number" else "BYTES",
            "shape": [-1],
            "parameters": {"required": True, "nullable": not column.required},
        }
        for column in signature.columns
    ]
    named = {column.name for column in signature.columns}
    for role, name in (("key", signature.key), ("event_time", signature.event_time)):
        if name is not None and name not in named:
            parameters = {"required": False, "nullable": False, "role": role}
            inputs.append(
                {"name": name, "datatype": "BYTES", "shape": [-1], "parameters": parameters}
            )
    return {
        "name": model,
        "versions": [str(version)],
        "platform": "slipway_sklearn",
        "inputs": inputs,
        "outputs": [{"name": OUTPUT, "datatype": "FP64", "shape": [-1]}],
    }


def _parse(body: bytes) -> InferRequest:
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        found = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Malformed(
            "the body is not a V2 inference request",
            expected="JSON with `inputs`, each with name, shape, datatype and data",
            found=found,
        ) from error


def _by_name(inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    if not inputs:
        raise Malformed("the request has no inputs", expected="one input per column")
    tensors = {tensor.name: tensor for tensor in inputs}
    if len(tensors) < len(inputs):
        names = [tensor.name for tensor in inputs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"column {shown(twice)} is sent twice", expected="each column once")
    return tensors


def _check_names(tensors: Mapping[str, Tensor], signature: Signature) -> None:
    needed = [column.name for column in signature.columns]
    missing = [name for name in needed if name not in tensors]
    if missing:
        names = ", ".join(map(shown, missing))
        raise Mismatch(f"the request lacks column {names}", expected="every input of the model")
    extra = tensors.keys() - {*needed, signature.key, signature.event_time}
    if extra:
        names = ", ".join(map(shown, sorted(extra)[:5]))
        raise Mismatch(
            f"the model does not take column {names}", expected="only inputs of the model"
        )


def _count_rows(inputs: Sequence[Tensor], *, max_rows: int) -> int:
    rows = len(inputs[0].data)
    for tensor in inputs:
        if tensor.shape not in ([len(tensor.data)], [len(tensor.data), 1]):
            raise Mismatch(
                f"column {shown(tensor.name)} has a wrong shape",
                expected=f"[{len(tensor.data)}] or [{len(tensor.data)}, 1], as its data",
                found=f"{len(tensor.shape)} dimensions, or another length",
            )
        if len(tensor.data) != rows:
            raise Mismatch(
                f"column {shown(tensor.name)} has another number of rows than the first column",
                expected=f"{rows}",
                found=f"{len(tensor.data)}",
            )
    if rows == 0:
        raise Mismatch("the request has no rows", expected="at least one")
    if rows > max_rows:
        raise TooLarge(
            "the request has too many rows",
            expected=f"at most {max_rows}",
            found=f"{rows}",
            hint="send several smaller requests",
        )
    return rows


def _optional(
    tensors: Mapping[str, Tensor], name: str | None, read: Callable[[Tensor], list[Any]]
) -> list[Any] | None:
    tensor = None if name is None else tensors.get(name)
    return None if tensor is None else read(tensor)
