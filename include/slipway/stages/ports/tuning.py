"""Tuning port: proposes parameters to try, and runs fits in one process or in several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from slipway.errors import SpecError
from slipway.spec.model import Estimator
from slipway.spec.search import Search


@dataclass(frozen=True)
class StudyPlan:
    """What a study is about.

    Attributes:
        name: Of the study, in its database: model, run and a digest of what is searched.
        estimator: Import path of the estimator.
        search: Its space, and whether trials may end early.
        greater_is_better: Direction of the metric.
        seed: Seed of all proposals.
        worker: Worker whose study this is; None: that of the training.
    """

    name: str
    estimator: str
    search: Search
    greater_is_better: bool
    seed: int
    worker: int | None = None


@dataclass(frozen=True)
class EndedTrial:
    """A trial that has ended, as a study learns from it.

    Attributes:
        number: Its number.
        searched: Its values, by parameter.
        value: Its mean over the folds; None: it ended early, or failed.
        reported: What was reported after each fold.
        has_failed: Whether a fit raised an error.
    """

    number: int
    searched: Mapping[str, Any]
    value: float | None
    reported: Sequence[float]
    has_failed: bool = False


class Study(Protocol):
    """Proposes values by what earlier trials scored.

    Every method raises `StoreUnavailable` when the study's database does not answer.
    """

    def ask(self, number: int) -> Mapping[str, Any]:
        """Return values for a trial that begins, by parameter."""

    def report(self, number: int, *, fold: int, value: float) -> bool:
        """Report what a trial scored up to a fold; return whether it is to end early."""

    def tell(self, trial: EndedTrial) -> None:
        """End a trial that this study has asked for."""

    def add(self, trial: EndedTrial) -> None:
        """Add a trial of an earlier attempt, or of another worker."""


OpenStudy = Callable[[StudyPlan, Sequence[EndedTrial]], AbstractContextManager[Study]]
"""Opens a study that has the trials of earlier attempts."""


@dataclass(frozen=True)
class FoldScore:
    """Outcome of one fit on one fold.

    Attributes:
        value: Metric on the rows that the fit has not seen; None: it failed.
        seconds: How long fit and predictions took.
        failure: What the estimator refuses; None: it was fitted.
    """

    value: float | None
    seconds: float
    failure: SpecError | None = None


class Workers(Protocol):
    """Fits candidates on folds."""

    def submit(self, estimator: Estimator | None, fold: int) -> Future[FoldScore]:
        """Fit an estimator, or a constant, to one fold."""
