"""Spec of business KPIs: a number for each window, by a query over its rows."""

from __future__ import annotations

from pydantic import Field, model_validator

from slipway.spec.base import Name, Spec, SpecConflict


class Kpi(Spec):
    """A business KPI: one number by SQL for each window, with its limits."""

    name: Name = Field(description="Name, in verdicts and reports.")
    sql: str = Field(
        min_length=1,
        max_length=20_000,
        description="One SELECT in DuckDB's SQL that gives one number, from the views "
        "`predictions`, `features` and `labels` of the window; `$start`, `$end` and `$version` are "
        "the window's bounds and the version.",
    )
    min: float | None = Field(default=None, description="Least value; below it is a breach.")
    max: float | None = Field(default=None, description="Greatest value; above it is a breach.")
    max_change: float | None = Field(
        default=None,
        gt=0,
        description="Greatest change from the window before, as a share of its value: 0.2 is a "
        "fifth, up or down.",
    )

    @model_validator(mode="after")
    def _limits_leave_room(self) -> Kpi:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise SpecConflict(
                f"min ({self.min:g}) may not exceed max ({self.max:g})", field=("min",)
            )
        return self
