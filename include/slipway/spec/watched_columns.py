"""Spec of how the monitor watches a column: like any other, as a calendar column, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from slipway.spec.base import SpecConflict

ColumnKind = Literal["calendar"]


class WatchedColumn(Protocol):
    """Column with its fields on watching."""

    @property
    def watch(self) -> bool | None:
        """Whether it is compared with the reference; None: unless it follows the event time."""

    @property
    def kind(self) -> ColumnKind | None:
        """What it is; None: a column like any other."""


def check_watching(*, watch: bool | None, kind: ColumnKind | None) -> None:
    """Raise unless the fields of a column agree.

    Raises:
        SpecConflict: One has no effect beside the other.
    """
    if kind is not None and watch is not None:
        raise SpecConflict(
            f"has no effect beside `kind: {kind}`", field=("watch",), hint="remove one of the two"
        )


def require_no_watched_label(labels: Mapping[str, WatchedColumn]) -> None:
    """Raise if a column of the labels says how it is watched.

    Raises:
        SpecConflict: One does, and it has no effect.
    """
    for name, column in labels.items():
        for field in ("watch", "kind"):
            if getattr(column, field) is not None:
                raise SpecConflict(
                    "has no effect: the monitor compares features with the reference",
                    field=("streams", "labels", "columns", name, field),
                    hint="remove it",
                )
