"""Divide holdout rows into the slices that a spec names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from slipway.spec.slices import SliceCondition, SliceRange, Slices

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Mask = np.ndarray[Any, np.dtype[np.bool_]]

MOST_VALUES = 50
"""Values of a column that are slices of their own, the commonest ones."""

MISSING = "(missing)"


def slices_of(
    rows: pd.DataFrame, slices: Slices, *, personal: Collection[str] = ()
) -> dict[str, Mask]:
    """Return which rows are in each slice, by its name, with at least `min_rows`.

    Args:
        rows: Holdout rows.
        slices: Slices of the spec.
        personal: Columns whose values no name may hold.
    """
    found: dict[str, Mask] = {}
    for column in slices.columns:
        is_personal = column in personal
        found.update(parts_of_column(rows[column], bins=slices.bins, is_personal=is_personal))
    found.update(_named(rows, slices))
    return {name: mask for name, mask in found.items() if int(mask.sum()) >= slices.min_rows}


def small_slices(rows: pd.DataFrame, slices: Slices) -> dict[str, int]:
    """Return the rows of each named slice that has fewer than `min_rows`, by its name.

    Args:
        rows: Holdout rows.
        slices: Slices of the spec.
    """
    counts = {name: int(mask.sum()) for name, mask in _named(rows, slices).items()}
    return {name: count for name, count in counts.items() if count < slices.min_rows}


def parts_of_column(
    values: pd.Series[Any], *, bins: int, is_personal: bool
) -> Iterator[tuple[str, Mask]]:
    """Yield the rows of each value of a column, or of each bin of a number, with their name.

    Args:
        values: Column, of shape (n_rows,).
        bins: Bins of a number of more values than these.
        is_personal: Whether a name has a number in place of the value: the commonest value is 1,
            and so is the lowest bin.
    """
    missing = values.isna().to_numpy(bool)
    if missing.any():
        yield f"{values.name} = {MISSING}", missing
    for number, (name, mask) in enumerate(_present_parts(values, bins=bins), 1):
        yield f"{values.name} = ({number})" if is_personal else name, mask


def _present_parts(values: pd.Series[Any], *, bins: int) -> Iterator[tuple[str, Mask]]:
    import pandas as pd

    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if is_number and values.nunique() > bins:
        edges = values.dropna().astype(float).quantile([one / bins for one in range(1, bins)])
        yield from _bins(values, sorted(set(edges.tolist())))
        return
    for value in values.value_counts().index[:MOST_VALUES]:
        yield f"{values.name} = {value}", (values == value).fillna(value=False).to_numpy(bool)


def _bins(values: pd.Series[Any], edges: list[float]) -> Iterator[tuple[str, Mask]]:
    numbers = values.astype(float).to_numpy()
    for low, high in zip([None, *edges], [*edges, None], strict=True):
        inside = _in_range(numbers, SliceRange.model_construct(min=low, max=high))
        least = "" if low is None else f"{low:g} ≤ "
        most = "" if high is None else f" < {high:g}"
        yield f"{least}{values.name}{most}", inside


def _named(rows: pd.DataFrame, slices: Slices) -> dict[str, Mask]:
    return {name: _all_hold(rows, conditions) for name, conditions in slices.named.items()}


def _all_hold(rows: pd.DataFrame, conditions: Mapping[str, SliceCondition]) -> Mask:
    import numpy as np

    inside = np.ones(len(rows), dtype=bool)
    for column, condition in conditions.items():
        values = rows[column]
        if isinstance(condition, SliceRange):
            inside &= _in_range(values.astype(float).to_numpy(), condition)
        else:
            wanted = condition if isinstance(condition, list) else [condition]
            inside &= values.isin(wanted).to_numpy(bool)
    return inside


def _in_range(numbers: np.ndarray[Any, Any], condition: SliceRange) -> Mask:
    import numpy as np

    inside: Mask = ~np.isnan(numbers)
    if condition.min is not None:
        inside &= numbers >= condition.min
    if condition.max is not None:
        inside &= numbers < condition.max
    return inside
