"""Spec of a model's deployment: verification, traffic shift, target, batch scoring."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from slipway.spec.base import Spec, SpecConflict
from slipway.spec.cluster import Cluster
from slipway.spec.cron import Cron
from slipway.spec.deployment_targets import TARGETS, DeploymentTarget, TargetName, describe_targets


class Verify(Spec):
    """Checks of a candidate's real server before it gets traffic."""

    replay_rows: int = Field(default=200, ge=1, description="Recent rows sent over HTTP.")
    max_difference: float = Field(
        default=1e-6,
        ge=0,
        description="Allowed between a served score and the offline prediction; relative to the "
        "prediction where that is above 1.",
    )
    max_disagreement_ratio: float = Field(
        default=3.0,
        gt=0,
        description="Allowed disagreement with the champion on recent rows, as a multiple of that "
        "on the holdout of its gates.",
    )
    min_rank_correlation: float = Field(
        default=-1.0,
        ge=-1,
        le=0,
        description="A candidate whose scores are shown to be ordered further against the "
        "champion's, by Spearman's correlation on recent rows, is refused; -1: it is only named.",
    )
    max_p99_ms: float = Field(default=1000.0, gt=0, description="One-row latency allowed.")


class WithoutTraffic(Spec):
    """A step whose candidate gets fewer requests than a verdict needs."""

    after_minutes: float | None = Field(
        default=None, gt=0, description="Wait for requests; none: `limit_minutes`."
    )
    then: Literal["abort", "switch"] = Field(
        default="abort",
        description="`abort`: the champion takes all traffic again; `switch`: a healthy candidate "
        "without a failed request goes on to the next step, at last to all traffic.",
    )


class Shift(Spec):
    """Shift of traffic to a verified candidate, with a canary analysis at each step."""

    steps: list[Annotated[int, Field(ge=1, le=99)]] = Field(
        default=[10, 50],
        description="Percent of the requests at each step, rising; none: all at once.",
    )
    requests: int = Field(
        default=200,
        ge=1,
        description="Requests to the candidate before which no step can be passed; one that is "
        "shown to fail is aborted sooner.",
    )
    max_error_rate: float = Field(
        default=0.02,
        ge=1e-6,
        lt=1,
        description="Allowed share of failed requests of the candidate.",
    )
    max_error_increase: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Allowed above the champion's share of failed requests in the same minutes, "
        "where that is more than `max_error_rate`; none: half of `max_error_rate`.",
    )
    error_probability: float = Field(
        default=0.05,
        ge=1e-6,
        lt=1,
        description="Chance that a candidate with more errors than allowed passes, and likewise "
        "that one with fewer is aborted; over all looks and steps together.",
    )
    limit_minutes: float = Field(
        default=60.0,
        gt=0,
        le=43_200,
        description="A step that is not decided by then is aborted.",
    )

    without_traffic: WithoutTraffic = Field(
        default_factory=WithoutTraffic, description="With too few requests for a verdict."
    )

    @property
    def without_traffic_minutes(self) -> float:
        """Wait of a step for requests that do not come."""
        return self.without_traffic.after_minutes or self.limit_minutes

    @property
    def error_increase(self) -> float:
        """Allowed share of failed requests above the champion's."""
        return self.max_error_increase or self.max_error_rate / 2

    @property
    def step_error_probability(self) -> float:
        """One step's part of `error_probability` (Bonferroni)."""
        return self.error_probability / max(1, len(self.steps))

    @model_validator(mode="after")
    def _steps_rise(self) -> Shift:
        if self.steps != sorted(set(self.steps)):
            raise SpecConflict(f"steps must rise, given {self.steps}", field=("steps",))
        return self

    @model_validator(mode="after")
    def _waits_for_traffic_within_the_limit(self) -> Shift:
        after = self.without_traffic.after_minutes
        if after is not None and after > self.limit_minutes:
            raise SpecConflict(
                f"given {after:g}, which is later than limit_minutes ({self.limit_minutes:g})",
                field=("without_traffic", "after_minutes"),
                hint="a step ends at limit_minutes at the latest",
            )
        return self


class Batch(Spec):
    """Batch scoring."""

    partition: Literal["day", "month"] = Field(
        default="month", description="Calendar period of event time, UTC, that one run replaces."
    )
    chunk_rows: int = Field(default=100_000, ge=1, description="Rows in memory at a time.")
    cron: Cron = Field(default="*/15 * * * *", description="Sweep of the score DAG (wall time).")


class Deployment(Spec):
    """Target and rollout of a model; `deployment: batch` is short for `target: batch`."""

    target: TargetName = Field(default="local", description=describe_targets())
    cron: Cron = Field(default="*/15 * * * *", description="Sweep of the deploy DAG (wall time).")
    verify: Verify = Field(default_factory=Verify, description="Checks before traffic.")
    shift: Shift = Field(default_factory=Shift, description="Shift of traffic.")
    batch: Batch = Field(default_factory=Batch, description="Batch scoring (`batch`).")
    kubernetes: Cluster | None = Field(default=None, description="Needed by `target: kubernetes`.")
    outlier_scores: bool = Field(
        default=False,
        description="Whether versions trained from now on answer and log of each row how unusual "
        "it is: `outlier_score`, the share of training rows that are less unusual.",
    )
    explanations: bool = Field(
        default=False,
        description="Whether versions trained from now on explain their answers to requests with "
        "the parameter `explain`. Their folder then holds a few training rows, without personal "
        "columns.",
    )

    @property
    def capabilities(self) -> DeploymentTarget:
        """Capabilities of the target."""
        return TARGETS[self.target]

    @property
    def steps(self) -> list[int]:
        """Percent of the requests at each step of a rollout; none where no traffic shifts."""
        return list(self.shift.steps) if self.capabilities.shifts_traffic else []

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, given: Any) -> Any:
        return {"target": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _has_servers_for_options_of_requests(self) -> Deployment:
        for name in ("outlier_scores", "explanations"):
            if getattr(self, name) and not self.capabilities.has_server:
                raise SpecConflict(
                    f"given true, and `target: {self.target}` answers no requests",
                    field=(name,),
                    hint=f"leave `{name}` out, or choose a target with servers",
                )
        return self

    @model_validator(mode="after")
    def _target_is_described(self) -> Deployment:
        section = self.capabilities.section
        if section is not None and getattr(self, section) is None:
            raise SpecConflict(
                f"given {self.target!r}, which needs a {section} section with an image",
                field=("target",),
            )
        return self
