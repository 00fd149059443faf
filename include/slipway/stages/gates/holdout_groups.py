"""Divide holdout rows into the groups that a spec compares."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from slipway.spec.fairness import Fairness
from slipway.stages.gates.holdout_slices import MISSING, parts_of_column
from slipway.stages.ports.fairness import Groups

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_GROUPS = 30
"""Groups of one division, the largest ones."""


def groups_of(
    rows: pd.DataFrame, fairness: Fairness, *, personal: Collection[str] = ()
) -> list[Groups]:
    """Return the divisions of the rows into groups, each column alone, then several at once.

    Args:
        rows: Holdout rows.
        fairness: Columns of the spec.
        personal: Columns whose values no name may hold.
    """
    parts = {
        name: dict(_parts(rows[name], bins=fairness.bins, is_personal=name in personal))
        for name in fairness.columns
    }
    return [_groups([parts[name] for name in by], by) for by in fairness.partitions]


def _parts(
    values: pd.Series[Any], *, bins: int, is_personal: bool
) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[np.bool_]]]]:
    """Yield the rows of each value or bin; what is missing is no group."""
    for name, mask in parts_of_column(values, bins=bins, is_personal=is_personal):
        if name != f"{values.name} = {MISSING}":
            yield name, mask


def _groups(columns: list[dict[str, np.ndarray[Any, Any]]], by: tuple[str, ...]) -> Groups:
    import numpy as np

    found = columns[0]
    for column in columns[1:]:
        found = {
            f"{one}, {name}": mask & other
            for one, mask in found.items()
            for name, other in column.items()
        }
    largest = sorted(found.items(), key=lambda item: -int(item[1].sum()))[:MOST_GROUPS]
    size = len(next(iter(found.values()))) if found else 0
    codes = np.full(size, -1)
    for code, (_, mask) in enumerate(largest):
        codes[mask] = code
    return Groups(" and ".join(by), [name for name, _ in largest], codes)
