"""Keys that are derived from a row: composed of several columns, or a digest of the whole row.

A key is one text. Ingest, the model server and batch scoring derive it here, from the canonical
texts of the values, so a row has the same key whatever format it came in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from slipway.values.value_types import Value, canonical_text

if TYPE_CHECKING:
    import pyarrow as pa

BETWEEN = "|"
"""Between the parts of a key."""

OCCURRENCE = "-"
"""Between the digest of equal rows and their number."""

DIGEST_DIGITS = 32
"""Hexadecimal digits of a row's digest: 128 bits of its SHA-256."""

_ESCAPE = "\\"
_OF_NAMES = (_ESCAPE, BETWEEN, "=")
_OF_TEXTS = (_ESCAPE, BETWEEN)


def composed_key(parts: Sequence[Value]) -> str:
    r"""Return the key of a row's parts: their canonical texts with `|` between them.

    Two different rows of values never have one key: a `|` inside a text is written `\|`, and a
    backslash is doubled.
    """
    return BETWEEN.join(_escaped(canonical_text(part), _OF_TEXTS) for part in parts)


def row_digest(values: Mapping[str, Value | None]) -> str:
    """Return the digest of a row's values by column, whatever the order of the columns.

    A missing value counts like a column that is not there, so a new column that old rows lack
    leaves their digests as they are.
    """
    present = {name: value for name, value in values.items() if value is not None}
    texts = {name: _escaped(canonical_text(value), _OF_TEXTS) for name, value in present.items()}
    return _digest("".join(f"{_label(name)}{texts[name]}{BETWEEN}" for name in sorted(texts)))


def occurrence_key(digest: str, occurrence: int) -> str:
    """Return the key of one of several equal rows, which are numbered from 1."""
    return digest if occurrence == 1 else f"{digest}{OCCURRENCE}{occurrence}"


def composed_keys(columns: Sequence[pa.Array]) -> pa.Array:
    """Return `composed_key` of each row; null where a part is missing.

    Args:
        columns: The parts in their declared types, in the order of the key.
    """
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*map(_escaped_texts, columns), BETWEEN)


def row_digests(columns: Mapping[str, pa.Array]) -> pa.Array:
    """Return `row_digest` of each row.

    Args:
        columns: Values by column, in their declared types.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    labelled = [
        pc.binary_join_element_wise(_label(name), _escaped_texts(columns[name]), BETWEEN, "")
        for name in sorted(columns)
    ]
    rows = pc.binary_join_element_wise(*(pc.fill_null(one, "") for one in labelled), "")
    return pa.array(map(_digest, rows.to_pylist()), pa.string(), size=len(rows))


def canonical_texts(values: pa.Array) -> pa.Array:
    """Return the canonical text of each value of a column; null where it is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_string(kind):
        return values
    if pa.types.is_timestamp(kind):
        text = pc.strftime(values, format="%Y-%m-%dT%H:%M:%S")
        whole = pc.replace_substring_regex(text, r"\.000000$", "")
        return pc.binary_join_element_wise(whole, "+00:00", "")
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return values.cast(pa.string())
    coded = values.dictionary_encode()
    texts = pa.array(map(canonical_text, coded.dictionary.to_pylist()), pa.string())
    return texts.take(coded.indices)


def _escaped_texts(values: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    texts = canonical_texts(values)
    for mark in _OF_TEXTS:
        texts = pc.replace_substring(texts, mark, f"{_ESCAPE}{mark}")
    return texts


def _escaped(text: str, marks: Sequence[str]) -> str:
    for mark in marks:
        text = text.replace(mark, f"{_ESCAPE}{mark}")
    return text


def _label(name: str) -> str:
    return f"{_escaped(name, _OF_NAMES)}="


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]
