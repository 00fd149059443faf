"""Spec of a model's monitoring: windows, drift, decay, and when they become a request."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from slipway.spec.base import Spec, SpecConflict
from slipway.spec.cron import Cron
from slipway.spec.importance import Importance
from slipway.spec.kpis import Kpi
from slipway.spec.metrics import MetricName
from slipway.spec.operations import Operations

Comparator = Literal["constant", "holdout", "previous", "fresh"]


class Drift(Spec):
    """Criteria for drift of a window."""

    numeric_method: Literal["psi", "wasserstein", "jensenshannon"] = Field(
        default="jensenshannon", description="Evidently's distance for numeric columns."
    )
    categorical_method: Literal["psi", "jensenshannon"] = Field(
        default="jensenshannon", description="Evidently's distance for categorical columns."
    )
    false_alarm_rate: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="Share of windows that may alarm without a change, over all columns.",
    )
    min_blocks: int = Field(
        default=10,
        ge=5,
        description="With fewer blocks of the reference that have `min_rows` each, drift is only "
        "observed. A column whose days are alike for too long is, too.",
    )
    reference: Literal["all", "season"] = Field(
        default="all",
        description="Rows of the champion's training that a window is compared with. `season`: "
        "those of the same time of the year, 30 days before and after, in any year; drift of a "
        "season that the training has not seen is not judged, but for nulls.",
    )


class Performance(Spec):
    """Criteria for decay of realised performance."""

    metric: MetricName = Field(description="Computed once labels have matured.")
    max_absolute_drop: float = Field(
        ge=0,
        description="Allowed loss against the comparator, in the metric's unit. A window is "
        "decayed when the whole interval of its loss is beyond it.",
    )
    comparator: Comparator = Field(
        default="constant",
        description="What lets expect a figure of a window's rows. `constant`: the champion's "
        "skill on its holdout, as a share of the way from a constant to perfect answers, and the "
        "constant on these rows. `holdout`: its figure on its holdout, as if all rows were "
        "equally hard. `previous`: the champion before it, on the same rows. `fresh`: a model "
        "that is fitted to what was known as the window began, by the label horizon, on the same "
        "rows; it costs a training for each window. Where one of the last two cannot answer, the "
        "first stands in.",
    )
    false_alarm_rate: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="Share of windows that may be called decayed where the true loss is "
        "`max_absolute_drop`; without any loss it is smaller. It is also the share of years in "
        "which the losses of consecutive weeks or months may add up to a decay by chance.",
    )

    @property
    def confidence(self) -> float:
        """Confidence of a one-sided bound."""
        return 1 - self.false_alarm_rate


class Fire(Spec):
    """Firing rule: k of the last n windows, and the newest."""

    k: int = Field(default=2, ge=1, description="Windows that must drift or decay …")
    n: int = Field(default=3, ge=1, description="… of so many newest windows.")

    @model_validator(mode="after")
    def _k_within_n(self) -> Fire:
        if self.k > self.n:
            raise SpecConflict(f"k ({self.k}) may not exceed n ({self.n})", field=("k",))
        return self


class Monitoring(Spec):
    """Monitoring of the champion, in windows of event time."""

    window: Literal["hour", "day", "week", "month"] = Field(
        default="week", description="Calendar window of event time, UTC."
    )
    min_rows: int = Field(default=300, ge=1, description="Fewer predictions are inconclusive.")
    label_horizon_days: int = Field(
        default=14,
        ge=0,
        le=36_500,
        description="Days after a window's end until its labels have matured.",
    )
    cron: Cron = Field(default="*/30 * * * *", description="Sweep of the monitor DAG (wall time).")
    drift: Drift = Field(default_factory=Drift, description="Inputs and predictions.")
    performance: Performance = Field(description="Realised performance.")
    fire: Fire = Field(default_factory=Fire, description="When windows become a request.")
    importance: Importance | None = Field(
        default=None,
        description="Whether the columns that move a window's answers are those of the evaluation, "
        "where that has `gates.explanations`; none: it is not measured.",
    )
    kpis: list[Kpi] = Field(
        default_factory=list, description="Business KPIs; a breach is reported, and trains nothing."
    )
    operations: Operations | None = Field(
        default=None,
        description="Operations and security of the servers, from Prometheus; `{}`: observed, "
        "without limits.",
    )

    @model_validator(mode="after")
    def _kpis_have_names_of_their_own(self) -> Monitoring:
        names = [one.name for one in self.kpis]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise SpecConflict(f"there are two KPIs {name!r}", field=("kpis", index, "name"))
        return self
