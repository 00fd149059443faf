"""Spec of a model's retraining: which requests are accepted, and what limits them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slipway.spec.base import Spec
from slipway.spec.cron import Cron


class Budget(Spec):
    """Trainings that may begin in a span of event time."""

    trainings: int = Field(
        ge=1,
        le=10_000,
        description="Trainings in the span: those of people and failed ones count, dry runs do "
        "not. A person may exceed it.",
    )
    days: int = Field(ge=1, le=36_500, description="Length of the span, in days of event time.")


class Breaker(Spec):
    """When automatic requests stop, since challengers are rejected again and again."""

    rejected: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="Challengers in a row that gates or rollout rejected. The next training that a "
        "person asks for or approves closes the breaker.",
    )


class Retraining(Spec):
    """Rules for accepting retrain requests; clocks run on event time."""

    mode: Literal["observe", "suggest", "approve", "auto"] = Field(
        default="auto",
        description="`observe` and `suggest` accept only people; `approve` lets an automatic "
        "request wait for a person's yes; `auto` accepts it.",
    )
    first_after_labels: int = Field(
        default=3000, ge=1, description="Labels needed for the first training."
    )
    min_new_labels: int = Field(
        default=1000,
        ge=1,
        description="New labels needed for an automatic request.",
    )
    cooldown_days: int = Field(
        default=7,
        ge=0,
        le=36_500,
        description="Days of event time between accepted automatic requests.",
    )
    budget: Budget | None = Field(
        default=None, description="Most trainings in a span of event time; none: any number."
    )
    breaker: Breaker | None = Field(
        default_factory=Breaker,
        description="When automatic requests stop until a person asks; none: they never do.",
    )
    on_batch: bool = Field(default=False, description="Each labelled batch files a request.")
    on_drift: bool = Field(default=True, description="Windows that drift file a request.")
    on_decay: bool = Field(default=True, description="Windows that decay file a request.")
    cron: Cron | None = Field(
        default=None, description="Ticks on the dataset's event clock that file a request."
    )
    sweep: Cron = Field(default="*/15 * * * *", description="Sweep of the train DAG (wall time).")
