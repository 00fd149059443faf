"""Spec of a search: which parameters of the estimator are tried, how often, and on which folds."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from slipway.spec.base import Spec, SpecConflict
from slipway.spec.metrics import MetricName

AUTO = "auto"
"""Name of an estimator that training chooses from the table of recipes."""


def _as_written(value: Any, check: ValidatorFunctionWrapHandler) -> int | float:
    """Keep whole numbers whole, since a range of them has whole values only."""
    del check
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        kind, message = "float_type", "Input should be a finite number"
        raise PydanticCustomError(kind, message)
    return value


SearchedNumber = Annotated[int | float, WrapValidator(_as_written)]


class SearchedValues(Spec):
    """Values of one parameter: a range of numbers, or choices."""

    low: SearchedNumber | None = Field(default=None, description="Least value of a range.")
    high: SearchedNumber | None = Field(default=None, description="Greatest value of a range.")
    log: bool = Field(
        default=False, description="Whether values are drawn by their logarithm, as of a rate."
    )
    step: SearchedNumber | None = Field(
        default=None, description="Distance of neighbouring values; none: any, or any whole one."
    )
    choices: list[Any] | None = Field(
        default=None, min_length=2, description="Values, in place of a range."
    )

    @model_validator(mode="after")
    def _one_form(self) -> SearchedValues:
        if self.choices is not None:
            if self.model_fields_set - {"choices"}:
                raise SpecConflict("has `choices`, or `low` and `high`", field=("choices",))
            _check_choices(self.choices)
            return self
        if self.low is None or self.high is None:
            raise SpecConflict("needs `low` and `high`, or `choices`")
        if self.low >= self.high:
            raise SpecConflict(
                f"`low` is below `high`, given {self.low:g} and {self.high:g}", field=("low",)
            )
        if self.log and self.low <= 0:
            raise SpecConflict("a range by logarithm begins above 0", field=("low",))
        self._check_step(self.high - self.low)
        return self

    def _check_step(self, width: float) -> None:
        if self.step is None:
            return
        if self.log:
            raise SpecConflict("`step` and `log` exclude each other", field=("step",))
        if not 0 < self.step <= width:
            raise SpecConflict(
                f"`step` is above 0 and at most {width:g}, the width of the range", field=("step",)
            )


def _check_choices(choices: list[Any]) -> None:
    for place, one in enumerate(choices):
        if one is not None and not isinstance(one, bool | int | float | str):
            raise SpecConflict(
                "a choice is a number, a text, true, false or null", field=("choices", place)
            )
        if any(type(one) is type(other) and one == other for other in choices[:place]):
            raise SpecConflict("stands there twice", field=("choices", place))


class Search(Spec):
    """Search for the estimator's parameters, on folds of the training rows."""

    space: dict[str, SearchedValues] = Field(
        default_factory=dict, description="Values to try, by parameter of the estimator."
    )
    trials: int = Field(default=40, ge=1, le=1000, description="Most trials.")
    minutes: float = Field(
        default=30.0,
        gt=0,
        le=1440,
        description="No fit begins after so long (wall time), over all attempts of a training.",
    )
    folds: int = Field(
        default=4,
        ge=2,
        le=20,
        description="Parts of the training rows that each trial is measured on: by `split: time` "
        "each follows the rows that its fit learns from, by `split: random` each has keys of its "
        "own.",
    )
    parallel: int = Field(
        default=1, ge=1, le=64, description="Processes that fit at a time, each with its rows."
    )
    parallel_pods: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Pods that share the trials, each with `parallel` processes; with `runtime: "
        "local` so many tasks of Airflow. 1: the pod of the training itself searches.",
    )
    metric: MetricName | None = Field(
        default=None, description="What trials are compared by; none: the first metric of `gates`."
    )
    pruning: bool = Field(
        default=True,
        description="Whether a trial ends early where its folds so far are worse than the median "
        "trial's.",
    )

    @model_validator(mode="after")
    def _a_trial_for_each_pod(self) -> Search:
        if self.parallel_pods > self.trials:
            raise SpecConflict(
                f"{self.parallel_pods} pods share {self.trials} trials: some would have none",
                field=("parallel_pods",),
            )
        return self


def check_search(search: Search | None, *, estimator: str, has_params: bool) -> None:
    """Raise unless the sections `search` and `estimator` agree.

    Raises:
        SpecConflict: There is nothing to search, or `auto` is given parameters.
    """
    if estimator != AUTO:
        if search is not None and not search.space:
            raise SpecConflict(
                "has nothing to try",
                field=("search", "space"),
                hint="name parameters, such as `max_depth: {low: 2, high: 8}`; or set "
                f"`estimator: {{name: {AUTO}}}`",
            )
        return
    hint = "name an estimator to set or to search its parameters"
    if has_params:
        raise SpecConflict(f"{AUTO} takes no parameters", field=("estimator", "params"), hint=hint)
    given = set() if search is None else search.model_fields_set & {"space", "trials", "pruning"}
    if given:
        name = min(given)
        raise SpecConflict(
            f"has no effect with `estimator: {{name: {AUTO}}}`, which judges each recipe once",
            field=("search", name),
            hint=f"remove it; {hint}",
        )
