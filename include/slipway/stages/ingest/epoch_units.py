"""Find counts since 1970 that were probably read in the wrong unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from slipway.spec import Column
from slipway.stages.ports.row_spool import RowSpool
from slipway.values.timestamps import EPOCH, EPOCH_FORMATS

_UNTIL = datetime(1970, 2, 1, tzinfo=UTC)
"""Seconds of this century, read as milliseconds, are in January 1970."""


def unit_warnings(spool: RowSpool, columns: Mapping[str, Column]) -> Iterator[str]:
    """Yield a warning for each column of counts whose times are in January 1970.

    They may be right, so the rows are taken. A count of 0 is none of them: it stands for no date.

    Args:
        spool: Rows of the delivery.
        columns: Declared columns.
    """
    counted = {name: one.format for name, one in columns.items() if one.format in EPOCH_FORMATS}
    for name, form in counted.items():
        early = sum(
            int(((frame[name] > EPOCH) & (frame[name] < _UNTIL)).sum())
            for frame in spool.frames([name])
        )
        if early:
            other = "seconds" if form == "epoch_milliseconds" else "days or hours"
            yield (
                f"{name} is in January 1970 in {early:,} rows; hint: its format is {form}, and "
                f"the file may count {other}" + _way_out(form)
            )


def _way_out(form: str | None) -> str:
    if form == "epoch_milliseconds":
        return ": then set `format: epoch_seconds` of the column in dataset.yaml"
    return ": then deliver seconds, milliseconds or ISO 8601 times"
