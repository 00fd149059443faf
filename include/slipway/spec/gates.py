"""Spec of a model's gates: thresholds, and how a challenger is compared with the champion."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from slipway.spec.base import Spec, SpecConflict
from slipway.spec.behaviour import Behaviour
from slipway.spec.explanations import Explanations
from slipway.spec.fairness import Fairness
from slipway.spec.metrics import MetricName
from slipway.spec.operational import Operational
from slipway.spec.robustness import Robustness
from slipway.spec.sanity import Sanity
from slipway.spec.slices import Slices

Compare = Literal["better", "not_worse", "expected_gain", "point"]
BlockUnit = Literal["hour", "day", "week", "month", "key"]

DEFAULT_COMPARE: Compare = "better"


class PriorGain(Spec):
    """What challengers of a model gain, before a holdout has been looked at; normal."""

    mean: float = Field(description="Mean gain over the champion, in the metric's unit.")
    deviation: float = Field(gt=0, description="Standard deviation of the true gains.")


class Threshold(Spec):
    """One gate, with the fields of MLflow's `MetricThreshold`."""

    greater_is_better: bool | None = Field(
        default=None,
        description="The metric's direction; known without it, and an error where it differs.",
    )
    threshold: float | None = Field(default=None, description="Absolute bar for the challenger.")
    compare: Compare | None = Field(
        default=None,
        description="`better`: the lower bound of the gain over the champion is above 0. "
        "`not_worse`: it is above `-margin`. `expected_gain`: the gain that holdout and former "
        "challengers let expect outweighs the costs. `point`: the two figures alone, whatever "
        "their error. Without it the first metric, and any with a change, has to be `better`; "
        "others are not compared.",
    )
    margin: float | None = Field(
        default=None,
        gt=0,
        description="How much worse than the champion `not_worse` allows, in the metric's unit.",
    )
    cost_of_change: float = Field(
        default=0.0,
        ge=0,
        description="Gain that a change has to be worth by `expected_gain`, in the metric's unit.",
    )
    cost_of_keeping: float = Field(
        default=0.0,
        ge=0,
        description="What keeping the champion costs by `expected_gain`, as where models age.",
    )
    prior: PriorGain | None = Field(
        default=None,
        description="Prior of `expected_gain`; without it from former challengers, if there are "
        "at least five, else the holdout alone decides.",
    )
    min_absolute_change: float | None = Field(
        default=None,
        description="How much better than the champion, in the metric's unit; of `better` the "
        "lower bound.",
    )
    min_relative_change: float | None = Field(
        default=None, description="How much better than the champion, as a share; likewise."
    )

    @property
    def has_change(self) -> bool:
        """Whether it asks for a change over the champion."""
        return not (self.min_absolute_change is None and self.min_relative_change is None)

    @model_validator(mode="after")
    def _margin_of_not_worse(self) -> Threshold:
        if (self.compare == "not_worse") != (self.margin is not None):
            raise SpecConflict(
                "`compare: not_worse` and `margin` belong together", field=("compare",)
            )
        if self.compare in {"not_worse", "expected_gain"} and self.has_change:
            raise SpecConflict(f"`compare: {self.compare}` asks for no change", field=("compare",))
        # By value: a spec that is written out whole and read again has every field set.
        fields = type(self).model_fields
        names = ("cost_of_change", "cost_of_keeping", "prior")
        costs = [name for name in names if getattr(self, name) != fields[name].default]
        if costs and self.compare != "expected_gain":
            name = min(costs)
            raise SpecConflict(f"`{name}` is of `compare: expected_gain`", field=(name,))
        return self


class Anchor(Spec):
    """Comparison with a fixed version, which bounds what many small losses add up to."""

    max_loss: float = Field(
        gt=0,
        description="A challenger is refused unless it is shown to be worse than the anchor by "
        "less than this, in the metric's unit.",
    )
    metric: MetricName | None = Field(
        default=None, description="One of the gates' metrics; without it the first."
    )


class Gates(Spec):
    """Gates that a trained model has to pass to become challenger."""

    metrics: dict[MetricName, Threshold] = Field(min_length=1, description="Gates by metric.")
    min_holdout_rows: int = Field(
        default=500, ge=1, description="Least number of common holdout rows."
    )
    blocks: BlockUnit | None = Field(
        default=None,
        description="What is resampled as a whole: the rows of an hour, day, week or month of "
        "event time, or of a key. Without it a day, by `split: random` a key.",
    )
    cluster: str | None = Field(
        default=None,
        description="Column whose rows of one value are resampled as a whole, in place of blocks.",
    )
    min_blocks: int = Field(
        default=20, ge=5, description="With fewer blocks a comparison is inconclusive."
    )
    confidence: float = Field(
        default=0.95, gt=0.5, lt=1, description="Of the one-sided bound of a gain."
    )
    resamples: int = Field(default=2000, ge=200, le=100_000, description="Draws of all blocks.")
    slices: Slices | None = Field(
        default=None, description="Parts of the holdout in which a challenger may not be worse."
    )
    fairness: Fairness | None = Field(
        default=None, description="Groups that a challenger may not treat too unequally."
    )
    explanations: Explanations | None = Field(
        default=None, description="SHAP values of holdout rows, and their stability."
    )
    sanity: Sanity = Field(
        default_factory=Sanity,
        description="Mistakes of data and split that no model may profit from; `sanity: false` "
        "turns all of them off.",
    )
    robustness: Robustness | None = Field(
        default=None,
        description="Changes to the features under which a challenger may lose little.",
    )
    behaviour: Behaviour | None = Field(
        default=None, description="Tests of single answers that a challenger has to pass."
    )
    operational: Operational | None = Field(
        default=None,
        description="What a version may need where it serves: latency, memory, size, cold start.",
    )
    when_champion_fails: Literal["relax", "refuse"] = Field(
        default="relax",
        description="What becomes of a threshold that the champion itself misses on the same rows: "
        "`relax`: a challenger that is shown to be better than the champion, and is better than a "
        "constant, needs not reach it. `refuse`: it has to.",
    )

    anchor: Anchor | None = Field(
        default=None,
        description="Fixed version that challengers are compared with beside the champion: the one "
        "with the alias `anchor` in MLflow, else the first champion.",
    )
    dry_run: bool = Field(
        default=False,
        description="Train and judge, and record what would have happened: no version becomes "
        "challenger. A single training is one by the parameter `dry_run` of its run.",
    )

    @model_validator(mode="after")
    def _blocks_or_cluster(self) -> Gates:
        if self.blocks is not None and self.cluster is not None:
            raise SpecConflict("either `blocks` or `cluster`", field=("cluster",))
        return self

    @model_validator(mode="after")
    def _anchor_of_a_gate(self) -> Gates:
        if self.anchor_metric not in self.metrics:
            raise SpecConflict(
                f"{self.anchor_metric} is none of the gates' metrics", field=("anchor", "metric")
            )
        return self

    def compare(self, metric: str) -> Compare | None:
        """Return how a metric is compared with the champion's; None: not at all."""
        bar = self.metrics[metric]
        if bar.compare is not None:
            return bar.compare
        is_first = metric == next(iter(self.metrics))
        return DEFAULT_COMPARE if is_first or bar.has_change else None

    @property
    def above_constant(self) -> tuple[str, ...]:
        """Metrics by which a challenger has to be better than a constant beside a champion, too."""
        return (next(iter(self.metrics)),) if self.sanity.constant_floor else ()

    @property
    def needs_blocks(self) -> bool:
        """Whether blocks of the holdout are resampled."""
        others = (self.slices, self.anchor, self.fairness, self.robustness)
        return bool(self.resampled) or any(one is not None for one in others)

    @property
    def anchor_metric(self) -> str:
        """Metric that is compared with the anchor's."""
        chosen = None if self.anchor is None else self.anchor.metric
        return chosen or next(iter(self.metrics))

    @property
    def holdout_columns(self) -> tuple[str, ...]:
        """Columns of the holdout that the gates need beside the model's features."""
        cluster = () if self.cluster is None else (self.cluster,)
        slices = () if self.slices is None else self.slices.used_columns
        groups = () if self.fairness is None else self.fairness.columns
        return (*cluster, *slices, *groups)

    @property
    def resampled(self) -> tuple[str, ...]:
        """Metrics whose gain is judged with its error."""
        return tuple(one for one in self.metrics if self.compare(one) not in {None, "point"})
