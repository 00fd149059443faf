"""A search on made-up scores: workers whose fits score a parameter, and a study that counts up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from slipway.errors import SpecError
from slipway.records.attempts import Attempt, begin_attempt
from slipway.records.run_records import RunRef
from slipway.spec.model import Estimator
from slipway.spec.search import Search
from slipway.stages.ports.tuning import EndedTrial, FoldScore
from slipway.stages.search.journal import Journal
from slipway.stages.search.run_trials import TrialPlan, TrialRunner
from slipway.stages.search.shares import WHOLE, Share
from slipway.stages.search.trials import Candidate, Trial
from tests.fakes.memory_store import MemoryStore

RIDGE = "sklearn.linear_model.Ridge"
OWN = Candidate("own", Estimator(name=RIDGE), {})
REF = RunRef("sales", "request-000001", "train")


@dataclass
class Scripted:
    """Workers whose fits score `alpha`, a second each, and a study that proposes 1, 2, 3 ….

    Attributes:
        fits: Every fit, as (alpha, fold).
        hopeless: Values of alpha that end early.
        broken: Values of alpha that the estimator refuses.
        now: The clock, in seconds.
        told: What the study was told.
        values: Values that are proposed, by number; others are the number.
        added: What the study was given of other workers.
        before_submit: Called with alpha before a fit.
    """

    fits: list[tuple[float, int]] = field(default_factory=list)
    hopeless: Sequence[float] = ()
    broken: Sequence[float] = ()
    now: float = 0.0
    told: list[EndedTrial] = field(default_factory=list)
    values: Mapping[int, float] = field(default_factory=dict)
    added: list[EndedTrial] = field(default_factory=list)
    before_submit: Callable[[float], None] = lambda _: None

    def submit(self, estimator: Estimator | None, fold: int) -> Future[FoldScore]:
        """Score an estimator at once."""
        alpha = 0.0 if estimator is None else float(estimator.params.get("alpha", 0.0))
        self.before_submit(alpha)
        self.fits.append((alpha, fold))
        self.now += 1.0
        done = Future[FoldScore]()
        refused = SpecError("Ridge cannot learn sales", found="alpha is odd")
        is_broken = alpha in self.broken
        done.set_result(
            FoldScore(None if is_broken else alpha, 1.0, refused if is_broken else None)
        )
        return done

    def ask(self, number: int) -> Mapping[str, Any]:
        """Propose the trial's number, or what the script has for it."""
        return {"alpha": self.values.get(number, float(number))}

    def report(self, number: int, *, fold: int, value: float) -> bool:
        """End the hopeless ones early."""
        del fold, value
        return self.ask(number)["alpha"] in self.hopeless

    def tell(self, trial: EndedTrial) -> None:
        """Note a trial."""
        self.told.append(trial)

    def add(self, trial: EndedTrial) -> None:
        """Note a trial of another worker."""
        self.added.append(trial)


def attempt(store: MemoryStore, ref: RunRef = REF) -> Attempt:
    """The next attempt at the training, or at a part of its search."""
    return begin_attempt(store, ref, inputs={}, origin={})


def run(
    script: Scripted,
    store: MemoryStore | None = None,
    *,
    journal: Journal | None = None,
    given: Sequence[Candidate] = (OWN,),
    always: int = 1,
    is_study: bool = True,
    share: Share = WHOLE,
    **search: Any,
) -> list[Trial]:
    """Run a search whose trials score their alpha; three folds, five trials."""
    kept = journal or Journal(attempt(store or MemoryStore()), "abc")
    budget = {"space": {"alpha": {"low": 1, "high": 9}}, "trials": 5, "folds": 3, **search}
    plan = TrialPlan(
        Search.model_validate(budget),
        "r2_score",
        given,
        always=always,
        must_fit=is_study,
        base=Estimator(name=RIDGE) if is_study else None,
        share=share,
    )
    earlier = {one.number: one for one in kept.read()}
    runner = TrialRunner(
        plan=plan,
        workers=script,
        study=script if is_study else None,
        journal=kept,
        log=lambda _: None,
        tell=lambda _: None,
        clock=lambda: script.now,
        ended=earlier,
    )
    return runner.run()
