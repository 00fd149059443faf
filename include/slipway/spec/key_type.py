"""Check the types of a dataset's key: exact, and the same in both streams."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.dataset import DatasetSpec
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document, Where
from slipway.values.value_types import ColumnType

KEY_TYPES: tuple[ColumnType, ...] = ("string", "integer")
"""Types whose values have one spelling, by which rows of both streams are joined."""

PART_TYPES: tuple[ColumnType, ...] = (*KEY_TYPES, "timestamp")
"""Types of the columns of a list: the key is made from their canonical texts."""


def key_type_problems(spec: DatasetSpec, document: Document) -> Iterator[Problem]:
    """Yield the problems with the key's types.

    Args:
        spec: Spec of the dataset.
        document: Its file.
    """
    for name in spec.identity.key.named:
        yield from _of_column(spec, name, document)


def _of_column(spec: DatasetSpec, name: str, document: Document) -> Iterator[Problem]:
    is_part = spec.identity.key.source == "columns"
    allowed, what = (PART_TYPES, "part of the key") if is_part else (KEY_TYPES, "key")
    types = {stream: spec.streams.types(stream)[name] for stream in spec.streams.delivered}
    inexact = {stream: kind for stream, kind in types.items() if kind not in allowed}
    for stream, kind in inexact.items():
        where: Where = ("streams", stream, "columns", name, "type")
        summary = f"the {what} {name!r} is of type {kind}, which identifies no row"
        hint = f"declare it {_listed(allowed)} in both streams"
        if kind == "timestamp":
            hint += f", or write `key: [{name}]`, in which times are taken, too"
        yield problem_at(document, where, summary, hint=hint)
    if not inexact and len(set(types.values())) > 1:
        where = ("streams", "labels", "columns", name, "type")
        summary = (
            f"the {what} {name!r} is of type {types['labels']} here and of type "
            f"{types['features']} in features"
        )
        hint = "declare one type in both streams: `string` if zeros in front count, else `integer`"
        yield problem_at(document, where, summary, hint=hint)


def _listed(types: tuple[ColumnType, ...]) -> str:
    return " or ".join(f"`type: {kind}`" for kind in sorted(types))
