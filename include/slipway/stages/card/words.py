"""Words of a model card for values, and for what is not there."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.records.verdicts import Number
from slipway.stages.report.blocks import Section, Table
from slipway.values.told_times import in_utc

NOT_MEASURED = "not measured"
NOT_RECORDED = "not recorded"


def measured(value: Number) -> str:
    """Return a measured figure; `not measured` where there is none."""
    return NOT_MEASURED if value is None else spelled(value)


def recorded(value: object) -> str:
    """Return a recorded value; `not recorded` where there is none."""
    return NOT_RECORDED if value in (None, "") else spelled(value)


def recorded_time(value: object) -> str:
    """Return a recorded moment, ISO 8601; `not recorded` where there is none."""
    return NOT_RECORDED if value in (None, "") else in_utc(str(value))


def spelled(value: object) -> str:
    """Return a value as a person reads it: figures to six places, counts with separators."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:z.6g}" if isinstance(value, float) else str(value)


def facts(title: str, rows: Sequence[tuple[str, str]], lines: Sequence[str] = ()) -> Section:
    """Return a section of names and values."""
    return Section(title, lines, Table(("", "recorded"), rows))
