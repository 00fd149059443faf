"""Base of all specs: strict, frozen, without unknown fields; names and cron expressions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, WithJsonSchema

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]
"""Lower-case words joined by `_`: it becomes a DAG id, a folder and a URL part."""


class Spec(BaseModel):
    """A part of a spec."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class SpecConflict(ValueError):
    """A conflict between fields of a spec.

    Args:
        message: What does not fit.
        field: Path of the field to report, below the validated part.
        hint: What to try next.
    """

    def __init__(
        self, message: str, *, field: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.field = field
        self.hint = hint


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
