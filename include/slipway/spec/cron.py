"""Cron expressions in specs: five fields, or a preset, that fire at some time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from slipway.spec.base import SpecConflict

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
FIELDS = 5
PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")


def _fires(expression: str) -> str:
    if expression in PRESETS:
        return expression
    # Imported only for specs with a cron expression of their own.
    from croniter import CroniterError, croniter

    try:
        croniter(expression, _ANY_TIME).get_next()
        fires = len(expression.split()) == FIELDS
    except CroniterError:
        fires = False
    if not fires:
        raise SpecConflict(
            f"given {expression!r}; expected a cron expression that fires",
            hint=f"minute hour day month weekday, e.g. '*/15 * * * *', or {', '.join(PRESETS)}",
        )
    return expression


Cron = Annotated[str, AfterValidator(_fires), WithJsonSchema({"type": "string", "format": "cron"})]
"""A cron expression of five fields, or one of `PRESETS`."""
