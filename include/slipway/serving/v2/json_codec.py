"""Decode V2 requests from JSON, strictly, and encode responses.

Runs in model servers only.
An error names the position in the body and the expected form, never a value of the body.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Annotated, Any

import msgspec

from slipway.errors import BadRequest
from slipway.serving.v2.errors import Malformed
from slipway.serving.v2.tensors import Scalar, Tensor, quoted_name, wrong_cell

LONGEST_ID = 256
UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.*?)`( - at `\$[^`]*`)?", re.DOTALL)
WORD = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
INPUT_PATH = re.compile(r"`\$\.inputs\[(\d+)\]")
WRONG_CELL = re.compile(
    r"Expected `.*?(?:, got `(\w+)`)? - at `\$(?:\.inputs\[\d+\]\.data)?\[(\d+)\](?:\[\d+\])?`"
)
RequestId = Annotated[str, msgspec.Meta(max_length=LONGEST_ID)]
BROKEN = (RecursionError, UnicodeDecodeError, msgspec.MsgspecError)


class RequestedOutput(msgspec.Struct, forbid_unknown_fields=True):
    """An output that the client requested."""

    name: str
    parameters: dict[str, Scalar] | None = None


class InferRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of an infer request; some clients repeat the model name of the path."""

    inputs: list[Tensor]
    id: RequestId | None = None
    parameters: dict[str, Scalar] | None = None
    outputs: list[RequestedOutput] | None = None
    model_name: str | None = None
    model_version: str | None = None


class InferResponse(msgspec.Struct, omit_defaults=True):
    """Body of an infer response."""

    model_name: str
    model_version: str
    id: str
    outputs: list[Tensor]
    parameters: dict[str, Scalar] | None = None


class _Column(msgspec.Struct):
    name: str
    datatype: str | None = None


class _Names(msgspec.Struct):
    inputs: list[msgspec.Raw]


_decoder = msgspec.json.Decoder(InferRequest)
_names = msgspec.json.Decoder(_Names)
encode = msgspec.json.Encoder().encode


def parse(body: bytes) -> InferRequest:
    """Decode an infer request.

    Raises:
        Malformed: The body is not JSON, not V2, or has a duplicate key in an object.
        Mismatch: A value of a column is neither a scalar nor in a list of its own.
    """
    request: InferRequest = decode_body(body, _decoder)
    if not _holds_no_key_twice(body, request):
        _check_keys(body)
    return request


def decode_body(body: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """Decode a body, or parts of it.

    Raises:
        Malformed: The body is not JSON, or not V2.
        Mismatch: A value of a column is neither a scalar nor in a list of its own.
    """
    try:
        return decoder.decode(body)
    except BROKEN as error:
        raise _refusal(error, body) from None


def decode_column(raw: bytes, decoder: msgspec.json.Decoder[Any], tensor: Tensor) -> Any:
    """Decode the data of one column.

    Args:
        raw: Its JSON.
        decoder: Decodes it.
        tensor: The column, for errors.

    Raises:
        Malformed: It is no list, or not JSON.
        Mismatch: A value is of a type that the decoder does not take.
    """
    try:
        return decoder.decode(raw)
    except BROKEN as error:
        wrong = WRONG_CELL.fullmatch(str(error))
        if wrong is not None:
            raise wrong_cell(tensor.name, tensor.datatype, wrong) from None
        raise _not_v2(_found(error), where=f"column {quoted_name(tensor.name)}") from None


def _refusal(error: Exception, body: bytes) -> BadRequest:
    """Error for a body that cannot be decoded; names the column, if it is about one."""
    text = str(error)
    path = INPUT_PATH.search(text)
    column = None if path is None else _column_of(body, int(path[1]))
    if column is None:
        return _not_v2(_found(error))
    wrong = WRONG_CELL.fullmatch(text)
    if wrong is not None and column.datatype is not None:
        return wrong_cell(column.name, column.datatype, wrong)
    return _not_v2(_found(error), where=f"column {quoted_name(column.name)}")


def _found(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nesting deeper than the parser's limit"
    if isinstance(error, UnicodeDecodeError):
        return "bytes that are not UTF-8"
    return _safe_message(str(error))


def _not_v2(found: str, *, where: str | None = None) -> Malformed:
    return Malformed(
        "the body is not a V2 inference request",
        expected="JSON with `inputs`, each with name, shape, datatype and data",
        found=found,
        where=where,
    )


def _safe_message(error: str) -> str:
    """A decoder's message; an unknown field is quoted only if it looks like an identifier."""
    unknown = UNKNOWN_FIELD.fullmatch(error)
    return (
        error if unknown is None else f"an unknown field{_safe_key(unknown[1])}{unknown[2] or ''}"
    )


def _safe_key(key: str) -> str:
    """A key, quoted if it is an identifier: in broken JSON a key may contain a value."""
    return f" {key!r}" if WORD.fullmatch(key) else ""


def _column_of(body: bytes, place: int) -> _Column | None:
    """Column to which a decoder's message refers, or None if its name cannot be read."""
    # The body is invalid, so decoding its names may fail again.
    with contextlib.suppress(*BROKEN, LookupError):
        return msgspec.json.decode(_names.decode(body).inputs[place], type=_Column)
    return None


def _holds_no_key_twice(body: bytes, request: InferRequest) -> bool:
    """Whether the number of colons proves that no key is repeated; False means undecided.

    A repeated key adds a colon. Counting takes a tenth of the time of parsing the text again.
    """
    spare = body.count(b":") - _keys(request)
    if spare == 0:
        return True
    # An escaped colon (\u003a) is not counted in the raw text.
    return spare == _colons(request) and b"\\u003" not in body


def _keys(request: InferRequest) -> int:
    """Lower bound on the number of keys in the JSON; keys with null values are not counted."""
    optional = (request.id, request.outputs, request.model_name, request.model_version)
    keys = 1 + len(optional) - optional.count(None) + 3 * len(request.inputs)
    keys += _keys_of(request.parameters)
    for output in request.outputs or ():
        keys += 1 + _keys_of(output.parameters)
    for tensor in request.inputs:
        if tensor.data is not None:
            keys += 1
        if tensor.parameters is not None:
            keys += _keys_of(tensor.parameters)
    return keys


def _keys_of(parameters: dict[str, Scalar] | None) -> int:
    return 0 if parameters is None else 1 + len(parameters)


def _colons(request: InferRequest) -> int:
    """Number of colons in the request's strings."""
    optional = (request.id, request.model_name, request.model_version)
    texts: list[Any] = [text for text in optional if text is not None]
    groups = [request.parameters] if request.parameters else []
    for part in (*request.inputs, *(request.outputs or ())):
        texts.append(part.name)
        if part.parameters:
            groups.append(part.parameters)
    for tensor in request.inputs:
        if tensor.datatype == "BYTES" and tensor.data:
            texts += tensor.data
    for group in groups:
        texts += (*group, *group.values())
    try:
        return "".join(texts).count(":")
    except TypeError:
        return "".join(text for text in texts if type(text) is str).count(":")


def _check_keys(body: bytes) -> None:
    """Raise if an object repeats a key: parsers differ in which value they keep."""
    twice: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                twice.append(name)
            seen.add(name)

    json.loads(body, object_pairs_hook=look, parse_int=_unread, parse_float=_unread)
    if twice:
        raise _not_v2(f"a key{_safe_key(twice[0])} twice in one object")


def _unread(_number: str) -> None:
    return None
