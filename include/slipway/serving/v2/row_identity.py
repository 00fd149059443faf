"""Keys and event times of a request's rows, as sent or derived as ingest derives them.

Runs in model servers only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from slipway.serving.v2.column_values import event_times_of, keys_of, microseconds, values_by_type
from slipway.serving.v2.errors import Mismatch
from slipway.serving.v2.signature import Signature
from slipway.serving.v2.tensors import Tensor, missing_value, quoted_name
from slipway.spec.identity import Part, Role, RowIdentity, RowKey, RowTime
from slipway.values.bad_value import BadValue
from slipway.values.date_and_time import BadMoment
from slipway.values.row_keys import composed_key, row_digest
from slipway.values.value_types import Value

Tensors = Mapping[str, Tensor]


def row_keys(tensors: Tensors, signature: Signature) -> list[str] | None:
    """Keys of the rows; None if the request has none.

    Raises:
        Mismatch: A column of the key is missing where another is there, or has no value in a row.
    """
    identity = signature.identity
    if identity is None or not identity.key.parts:
        sent = None if signature.key is None else tensors.get(signature.key)
        return None if sent is None else keys_of(sent, signature.key_type)
    if not _is_there("key", tensors, signature, identity):
        return None
    return _composed(tensors, identity.key)


def absent_of_key(tensors: Tensors, signature: Signature) -> tuple[str, ...]:
    """Names of the columns without which the request's rows have no key; empty if they have one."""
    identity = signature.identity
    if identity is not None and identity.key.parts:
        return identity.absent_of_key(sent=tensors.keys(), inputs=signature.needed)
    key = signature.key
    return () if key is None or key in tensors else (key,)


def row_times(tensors: Tensors, signature: Signature) -> list[int] | None:
    """Event times of the rows in microseconds since 1970, UTC; None if the request has none.

    Raises:
        Mismatch: A part is missing where another is there, or makes no day or time of day.
    """
    identity = signature.identity
    if identity is None or not identity.time.parts:
        sent = None if signature.event_time is None else tensors.get(signature.event_time)
        return None if sent is None else event_times_of(sent)
    if not _is_there("event_time", tensors, signature, identity):
        return None
    return _moments(tensors, identity.time)


def _is_there(role: Role, tensors: Tensors, signature: Signature, identity: RowIdentity) -> bool:
    missing = identity.absent(role, sent=tensors.keys(), inputs=signature.needed)
    if missing:
        own = identity.key if role == "key" else identity.time
        names = ", ".join(map(quoted_name, missing))
        together = ", ".join(quoted_name(part.name) for part in own.parts)
        what = "key" if role == "key" else "event time"
        raise Mismatch(
            f"the request lacks column {names} of the {what}",
            expected=f"all of {together}, or none that only the {what} needs",
        )
    return missing is not None


def _composed(tensors: Tensors, key: RowKey) -> list[str]:
    is_digest = key.source == "row"
    columns = [
        values_by_type(tensors[part.name], part.type, nullable=is_digest) for part in key.parts
    ]
    rows = zip(*columns, strict=True)
    if is_digest:
        names = [part.name for part in key.parts]
        return [row_digest(dict(zip(names, row, strict=True))) for row in rows]
    return [composed_key([value for value in row if value is not None]) for row in rows]


def _moments(tensors: Tensors, time: RowTime) -> list[int]:
    named = dict(zip(time.form.parts, time.parts, strict=True))
    columns = [
        _texts(tensors[part.name], part, partial(time.form.read, what))
        for what, part in named.items()
    ]
    moments = []
    for row, texts in enumerate(zip(*columns, strict=True)):
        try:
            moment = time.form.moment(dict(zip(named, texts, strict=True)))
        except BadMoment as bad:
            names = [quoted_name(named[part].name) for part in bad.parts]
            raise _refused(_blamed(names), row, bad) from None
        if moment is None:
            raise missing_value(tensors[time.parts[-1].name], row)
        moments.append(microseconds(moment))
    return moments


def _blamed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"column {names[0]} has a value"
    return f"columns {', '.join(names[:-1])} and {names[-1]} have a time"


def _texts(tensor: Tensor, part: Part, read: Callable[[Value], str | None]) -> Sequence[str]:
    texts = []
    for row, value in enumerate(values_by_type(tensor, part.type, nullable=False)):
        try:
            text = None if value is None else read(value)
        except BadValue as bad:
            raise _refused(_blamed([quoted_name(tensor.name)]), row, bad) from None
        if text is None:
            raise missing_value(tensor, row)
        texts.append(text)
    return texts


def _refused(what: str, row: int, bad: BadValue) -> Mismatch:
    return Mismatch(f"{what} in row {row} that {bad.reason}")
