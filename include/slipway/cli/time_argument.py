"""A time on the command line, read as times of deliveries are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from slipway.values.bad_value import BadValue
from slipway.values.timestamps import parse_timestamp

_EXAMPLE = "2026-03-01 or 2026-03-01T12:00+01:00"


class Time(click.ParamType[datetime]):
    """A moment of wall time, ISO 8601; UTC without an offset."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse the moment; the result is in UTC."""
        try:
            moment = parse_timestamp(value)
        except BadValue as error:
            self.fail(f"{value!r} {error.reason}, e.g. {_EXAMPLE}", param, ctx)
        if moment is None:
            self.fail(f"{value!r} means a missing value; expected e.g. {_EXAMPLE}", param, ctx)
        return moment
