"""Raw columns of a model: what its signature asks for, in the manifest of a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from slipway.spec import DatasetSpec, ModelSpec
from slipway.values.value_types import ColumnType

Kind = Literal["number", "string"]


@dataclass(frozen=True)
class RawColumn:
    """One column of a model's signature.

    Attributes:
        name: Column name.
        kind: As the model takes it: a `number` is a float and may be missing; a `string` is a
            category, by the canonical text of its value.
        required: Whether every row must have it.
        type: Declared type of its values; None in versions that were saved without types.
    """

    name: str
    kind: Kind
    required: bool
    type: ColumnType | None = None


def signature_of(spec: ModelSpec, dataset: DatasetSpec) -> tuple[RawColumn, ...]:
    """Return a model's raw columns, numeric first; nullable columns are optional."""
    declared = dataset.streams.features.columns

    def column(name: str, kind: Kind) -> RawColumn:
        return RawColumn(name, kind, required=not declared[name].nullable, type=declared[name].type)

    return (
        *(column(name, "number") for name in spec.features.numeric),
        *(column(name, "string") for name in spec.features.categorical),
    )


def columns_of(manifest: Mapping[str, Any]) -> tuple[RawColumn, ...]:
    """Return the raw columns that a manifest lists, in the model's order."""
    return tuple(RawColumn(**column) for column in manifest["features"])
