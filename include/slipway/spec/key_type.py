"""Check the type of a dataset's key: exact, and the same in both streams."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.dataset import DatasetSpec
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document, Where
from slipway.values.value_types import ColumnType

KEY_TYPES: tuple[ColumnType, ...] = ("string", "integer")
"""Types whose values have one spelling, by which rows of both streams are joined."""


def key_type_problems(spec: DatasetSpec, document: Document) -> Iterator[Problem]:
    """Yield the problems with the key's type.

    Args:
        spec: Spec of the dataset.
        document: Its file.
    """
    types = {stream: spec.streams.types(stream)[spec.key] for stream in spec.streams.delivered}
    inexact = {stream: kind for stream, kind in types.items() if kind not in KEY_TYPES}
    for stream, kind in inexact.items():
        where: Where = ("streams", stream, "columns", spec.key, "type")
        summary = f"the key {spec.key!r} is of type {kind}, which identifies no row"
        hint = "declare it `type: integer` or `type: string` in both streams"
        yield problem_at(document, where, summary, hint=hint)
    if not inexact and len(set(types.values())) > 1:
        where = ("streams", "labels", "columns", spec.key, "type")
        summary = (
            f"the key {spec.key!r} is of type {types['labels']} here and of type "
            f"{types['features']} in features"
        )
        hint = "declare one type in both streams: `string` if zeros in front count, else `integer`"
        yield problem_at(document, where, summary, hint=hint)
