"""Moments of whole columns: the day and the time of day of each row, or the parts of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from slipway.values.arrays import Refused, cast_array
from slipway.values.bad_value import BadValue, shape_of
from slipway.values.date_and_time import DateAndTimeForm, Part
from slipway.values.date_parts import clock_parts
from slipway.values.text_format import TextFormat
from slipway.values.value_types import Value

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = "is missing"
"""Reason of a row without a value that it needs."""


@dataclass(frozen=True)
class Moments:
    """Moments of rows.

    Attributes:
        values: UTC microseconds; null where a part is missing or refused.
        refused: Refused cells, with the parts that are to blame.
    """

    values: pa.Array
    refused: tuple[tuple[tuple[Part, ...], Refused], ...]


def moments(columns: Sequence[pa.Array], form: DateAndTimeForm) -> Moments:
    """Return the moment of each row.

    Args:
        columns: Cells of each part, in the declared type of their column.
        form: Forms of the parts.
    """
    texts: dict[Part, pa.Array] = {}
    refused: list[tuple[tuple[Part, ...], Refused]] = []
    cells = dict(zip(form.parts, columns, strict=True))
    for part, column in cells.items():
        texts[part], bad = _mapped(column, partial(form.read, part))
        refused += [((part,), one) for one in bad]
    if form.of_day:
        last = form.of_day[-1]
        texts["date"], bad = _days(texts, form)
        refused += [((last,), _with_shape(one, cells[last])) for one in bad]
    found = cast_array(_joined(texts, form), "timestamp", TextFormat(timezone=form.timezone))
    refused += [(form.parts, one) for one in found.refused]
    return Moments(found.values, tuple(refused))


def _days(
    texts: Mapping[Part, pa.Array], form: DateAndTimeForm
) -> tuple[pa.Array, tuple[Refused, ...]]:
    """Days of their parts."""
    import pyarrow.compute as pc

    joined = pc.binary_join_element_wise(*(texts[one] for one in form.of_day), "-")
    return _mapped(joined, lambda day: form.day(str(day).split("-")))


def _joined(texts: Mapping[Part, pa.Array], form: DateAndTimeForm) -> pa.Array:
    """Days and times of day as one text for each row."""
    import pyarrow.compute as pc

    if "time" in texts:
        return pc.binary_join_element_wise(texts["date"], texts["time"], "T")
    if not form.of_clock:
        return texts["date"]
    clock = clock_parts([texts[one] for one in form.of_clock])
    times = pc.binary_join_element_wise(*clock, ":")
    return pc.binary_join_element_wise(texts["date"], times, "T")


def _mapped(
    cells: pa.Array, read: Callable[[Value], str | None]
) -> tuple[pa.Array, tuple[Refused, ...]]:
    """Texts of a column, each distinct cell read once; null where it is missing or refused."""
    import numpy as np
    import pyarrow as pa

    coded = cells.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    texts: list[str | None] = []
    refused = []
    for code, cell in enumerate(coded.dictionary.to_pylist()):
        text, bad = _read(cell, read)
        texts.append(text)
        if bad is not None:
            rows = np.flatnonzero(codes == code).tolist()
            refused.append(Refused(bad.reason, bad.hint, shape_of(cell), tuple(rows)))
    return pa.array(texts, pa.string()).take(coded.indices), tuple(refused)


def _read(cell: Value, read: Callable[[Value], str | None]) -> tuple[str | None, BadValue | None]:
    """Text of a cell, or why there is none: a text may mean that there is no value."""
    try:
        text = read(cell)
    except BadValue as bad:
        return None, bad
    return text, BadValue(MISSING) if text is None else None


def _with_shape(refused: Refused, cells: pa.Array) -> Refused:
    """The same with the shape of a part's own cell."""
    return replace(refused, shape=shape_of(cells[refused.rows[0]].as_py()))
