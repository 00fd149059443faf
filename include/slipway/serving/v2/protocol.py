"""Open Inference Protocol V2 over REST: check requests against a signature, encode responses.

Runs in model servers only.
An error names the column and what was expected, never a value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from slipway.serving.v2 import json_codec
from slipway.serving.v2.binary import attach_binary_data
from slipway.serving.v2.column_values import model_values
from slipway.serving.v2.errors import Malformed, Mismatch
from slipway.serving.v2.explanation import EXPLAIN, EXPLANATION, EXPLANATIONS
from slipway.serving.v2.fast_decode import fast_columns
from slipway.serving.v2.json_codec import InferRequest, InferResponse
from slipway.serving.v2.known_layouts import KnownRequest
from slipway.serving.v2.large_body import DIRECT_BYTES, parse_large
from slipway.serving.v2.outputs import SCORE, WITHOUT_KEY, RowScores, encode_outputs
from slipway.serving.v2.row_identity import absent_of_key, row_keys, row_times
from slipway.serving.v2.rows import check_data, columns_by_name, count_rows
from slipway.serving.v2.signature import Signature
from slipway.serving.v2.tensors import Scalar, Tensor, quoted_name
from slipway.spec.labels import Label
from slipway.spec.logged_columns import OUTLIER_SCORE

NAMES_SHOWN = 5
ONE_SCORE = {SCORE: False}
HINTS = {
    OUTLIER_SCORE: "set `deployment.outlier_scores: true` in model.yaml, and train a version",
    **dict.fromkeys(EXPLANATIONS, f"the parameter `{EXPLAIN}` of the request asks for it"),
}
"""How to get an output that the model does not have."""

# V2 extensions that change the response; ignoring them would return a wrong response.
UNSUPPORTED_PARAMETERS = frozenset({"classification", "shared_memory_region"})


class Inputs(msgspec.Struct, frozen=True):
    """A request that matches the signature.

    Attributes:
        request_id: The client's id, or None.
        rows: Number of rows, at least one.
        columns: Values by column, in the signature's order; None for null.
        keys: Keys of the rows, or None if not sent.
        event_times_us: Microseconds since 1970 in UTC, or None if not sent.
        probe: Whether `parameters.probe` marks the request as a check rather than traffic.
        outputs: Whether each requested output is returned as bytes after the JSON, by its name.
        absent_of_key: Columns without which the rows have no key; empty if they have one.
        explain: Whether `parameters.explain` asks for an explanation of the scores.
    """

    request_id: str | None
    rows: int
    columns: Mapping[str, list[Any]]
    keys: list[str] | None
    event_times_us: list[int] | None
    probe: bool
    outputs: Mapping[str, bool]
    absent_of_key: tuple[str, ...] = ()
    explain: bool = False


class Encoded(msgspec.Struct, frozen=True):
    """An encoded response.

    Attributes:
        body: The whole body.
        json_bytes: Length of the JSON part if binary data follows, else None.
        explained: Whether it has an explanation.
    """

    body: bytes
    json_bytes: int | None = None
    explained: bool = False


def decode(
    body: bytes, signature: Signature, *, max_rows: int, json_bytes: int | None = None
) -> Inputs:
    """Decode and check one request.

    Args:
        body: JSON, followed by binary data if `json_bytes` is given.
        signature: The model's inputs.
        max_rows: Limit on rows.
        json_bytes: Length of the JSON part; None if the whole body is JSON.

    Raises:
        Malformed: The body is not a V2 request.
        Mismatch: The request does not match the signature.
        TooLarge: It has more than `max_rows` rows.
    """
    if json_bytes is None and len(body) <= DIRECT_BYTES:
        known = signature.layouts.decode(body, max_rows=max_rows)
        if known is not None:
            return _plain(known, signature)
    request = _parse(body if json_bytes is None else _head(body, json_bytes), signature, max_rows)
    inputs = request.inputs
    if json_bytes is None and request.parameters is None and request.outputs is None:
        sent = fast_columns(inputs, signature.fast, max_rows=max_rows)
        if sent is not None and signature.needed <= sent.keys():
            signature.layouts.learn(inputs)
            rows = len(inputs[0].data or ())
            named = {tensor.name: tensor for tensor in inputs}
            return _plain(KnownRequest(request.id, rows, sent, named), signature)
    tensors = columns_by_name(inputs)
    rows = count_rows(inputs, max_rows=max_rows)
    if json_bytes is not None or any(tensor.parameters for tensor in inputs):
        tail = memoryview(body)[len(body) if json_bytes is None else json_bytes :]
        attach_binary_data(inputs, tail, rows=rows)
    check_data(inputs, rows)
    explain = _explains(request, signature)
    outputs = _outputs(request, signature, explain=explain)
    _check_names(tensors, signature)
    columns = {
        column.name: model_values(tensors[column.name], column) for column in signature.columns
    }
    return Inputs(
        request_id=request.id,
        rows=rows,
        columns=columns,
        keys=row_keys(tensors, signature),
        event_times_us=row_times(tensors, signature),
        probe=(request.parameters or {}).get("probe") is True,
        outputs=outputs,
        absent_of_key=absent_of_key(tensors, signature),
        explain=explain,
    )


def _parse(text: bytes, signature: Signature, max_rows: int) -> InferRequest:
    if len(text) <= DIRECT_BYTES:
        return json_codec.parse(text)
    return parse_large(text, columns=len(signature.allowed), max_rows=max_rows)


def _plain(request: KnownRequest, signature: Signature) -> Inputs:
    sent, tensors = request.columns, request.tensors
    key = signature.key
    is_read = key in signature.needed or signature.identity is not None
    return Inputs(
        request_id=request.id,
        rows=request.rows,
        columns={column.name: sent[column.name] for column in signature.columns},
        keys=row_keys(tensors, signature) if is_read else sent.get(key or ""),
        event_times_us=row_times(tensors, signature),
        probe=False,
        outputs=signature.outputs,
        absent_of_key=absent_of_key(tensors, signature),
    )


def encode_answer(
    model: str,
    version: int,
    request_id: str,
    scores: RowScores,
    *,
    outputs: Mapping[str, bool] = ONE_SCORE,
    classes: Sequence[Label] | None = None,
    absent_of_key: Sequence[str] = (),
    beside: Mapping[str, Tensor] = MappingProxyType({}),
) -> Encoded:
    """Encode a response: `score`, or of a multi-class model `label` and `scores`.

    Args:
        model: Name of the model.
        version: Its version.
        request_id: Id of the request.
        scores: One per row, or of a multi-class model a list of one per class.
        outputs: Whether each output follows the JSON as bytes, by its name.
        classes: Classes of a multi-class model, in the order of its scores; None of others.
        absent_of_key: Columns without which the rows have no key, which the answer then names.
        beside: Outputs that are not made of scores, by name.
    """
    tensors, tail = encode_outputs(scores, outputs=outputs, classes=classes, beside=beside)
    parameters: dict[str, Scalar] | None = None
    if absent_of_key:
        parameters = {WITHOUT_KEY: ", ".join(absent_of_key)}
    head = json_codec.encode(InferResponse(model, str(version), request_id, tensors, parameters))
    json_bytes = len(head) if any(outputs.values()) else None
    return Encoded(head + tail, json_bytes, explained=EXPLANATION in beside)


def _head(body: bytes, json_bytes: int) -> bytes:
    if json_bytes > len(body):
        raise Malformed(
            "the header Inference-Header-Content-Length exceeds the body",
            expected=f"at most {len(body)}",
        )
    return body[:json_bytes]


def _explains(request: InferRequest, signature: Signature) -> bool:
    explain = _flag(request.parameters, EXPLAIN, default=False)
    if explain and not signature.explains:
        raise Malformed(
            "this version does not explain its answers",
            expected=f"no parameter {EXPLAIN}",
            hint="set `deployment.explanations: true` in model.yaml, and train a version",
        )
    return explain


def _outputs(request: InferRequest, signature: Signature, *, explain: bool) -> Mapping[str, bool]:
    """Whether each requested output is wanted as bytes; its parameter overrides the request's.

    An explanation is answered to the parameter, whatever outputs the request names.
    """
    wanted = _flag(request.parameters, "binary_data_output", default=False)
    explained = dict.fromkeys(EXPLANATIONS if explain else (), wanted)
    available = {**dict.fromkeys(signature.outputs, wanted), **explained}
    if not request.outputs:
        return available
    asked: dict[str, bool] = {}
    for output in request.outputs:
        if output.name not in available:
            raise Mismatch(
                "the request names an output that the model does not have",
                expected=", ".join(available),
                hint=HINTS.get(output.name),
            )
        if UNSUPPORTED_PARAMETERS & (output.parameters or {}).keys():
            raise Malformed(
                f"output {output.name} is requested with an unsupported parameter",
                expected=f"none of the parameters {', '.join(sorted(UNSUPPORTED_PARAMETERS))}",
            )
        if output.name in asked:
            raise Malformed(f"output {output.name} is requested twice", expected="each output once")
        asked[output.name] = _flag(output.parameters, "binary_data", default=wanted)
    chosen = explained | asked
    return {name: chosen[name] for name in available if name in chosen}


def _flag(parameters: Mapping[str, Scalar] | None, name: str, *, default: bool) -> bool:
    value = (parameters or {}).get(name, default)
    if type(value) is not bool:
        raise Malformed(f"the parameter {name} is not a boolean", expected="true or false")
    return value


def _check_names(tensors: Mapping[str, Tensor], signature: Signature) -> None:
    missing = signature.needed - tensors.keys()
    if missing:
        raise Mismatch(
            f"the request lacks column {_listed(missing)}", expected="every input of the model"
        )
    extra = tensors.keys() - signature.allowed
    if extra:
        raise Mismatch(
            f"the model has no input column {_listed(extra)}",
            expected="only inputs of the model",
        )


def _listed(names: Collection[str]) -> str:
    few = ", ".join(map(quoted_name, sorted(names)[:NAMES_SHOWN]))
    return few if len(names) <= NAMES_SHOWN else f"{few} and {len(names) - NAMES_SHOWN} more"
