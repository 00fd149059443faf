"""Trials of a search: an estimator, what it scored on each fold, and how it ended."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from slipway.spec.model import Estimator

State = Literal["complete", "pruned", "failed"]

LEAST_FOLDS = 2
"""A complete trial has a standard error over its folds."""


@dataclass(frozen=True)
class Candidate:
    """What a trial tries.

    Attributes:
        name: `the spec's own parameters`, `trial 3`, or the name of a recipe.
        estimator: Estimator with all its parameters; None: a constant.
        searched: The searched ones among its parameters.
    """

    name: str
    estimator: Estimator | None
    searched: Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """A trial that has ended.

    Attributes:
        number: From 0, in the order in which trials began.
        candidate: What was tried.
        scores: Metric on each fold that was measured, in order.
        state: How it ended.
        seconds: How long its fits took together.
        reason: Why it failed; else an empty text.
        spent_s: Seconds that the search had taken at its end, over all attempts.
    """

    number: int
    candidate: Candidate
    scores: Sequence[float]
    state: State
    seconds: float
    reason: str = ""
    spent_s: float = 0.0

    @property
    def mean(self) -> float:
        """Mean over the folds, the figure that trials are compared by."""
        return statistics.fmean(self.scores)

    @property
    def error(self) -> float:
        """Standard error of the mean over the folds."""
        return statistics.stdev(self.scores) / math.sqrt(len(self.scores))

    def to_json(self) -> dict[str, Any]:
        """Return the trial as plain JSON."""
        estimator = self.candidate.estimator
        return {
            **asdict(self),
            "scores": list(self.scores),
            "candidate": {
                "name": self.candidate.name,
                "estimator": None if estimator is None else estimator.model_dump(),
                "searched": dict(self.candidate.searched),
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Trial:
        """Return the trial that `to_json` wrote.

        Raises:
            ValueError: A figure of it is none, or a complete one has no mean.
        """
        told = value["candidate"]
        estimator = told["estimator"]
        candidate = Candidate(
            told["name"],
            None if estimator is None else Estimator.model_validate(estimator),
            told["searched"],
        )
        trial = cls(**{**value, "candidate": candidate, "scores": tuple(value["scores"])})
        if not all(map(math.isfinite, (*trial.scores, trial.seconds, trial.spent_s))):
            raise ValueError("a figure of a trial is not finite")
        if trial.state not in get_args(State) or (
            trial.state == "complete" and len(trial.scores) < LEAST_FOLDS
        ):
            raise ValueError(f"a trial has ended as {trial.state} on {len(trial.scores)} folds")
        return trial
