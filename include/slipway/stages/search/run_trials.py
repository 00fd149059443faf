"""Run the trials of a search within its budget, and keep each that has ended."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

from slipway.errors import SpecError
from slipway.spec.metrics import METRICS
from slipway.spec.model import Estimator
from slipway.spec.search import Search
from slipway.stages.ports.tuning import EndedTrial, FoldScore, Study, Workers
from slipway.stages.search.choose import best_of
from slipway.stages.search.journal import Journal
from slipway.stages.search.progress import Progress
from slipway.stages.search.shares import WHOLE, Share
from slipway.stages.search.trials import Candidate, State, Trial

TELL_SECONDS = 15.0
"""Longest time between two messages about a search."""

MOST_REASON = 300
"""Longest reason of a failed trial in a record."""


@dataclass(frozen=True)
class TrialPlan:
    """What a search runs.

    Attributes:
        search: Budget and number of folds.
        metric: What trials are compared by.
        given: Candidates that are tried first: the spec's own parameters, or the recipes.
        always: How many of these are tried however long it takes, by whichever worker.
        must_fit: Whether the first candidate's error is an error of the search.
        base: Estimator whose parameters a study searches; None: there is no study.
        share: Trials that are tried here, where several workers share them.
    """

    search: Search
    metric: str
    given: Sequence[Candidate]
    always: int
    must_fit: bool
    base: Estimator | None = None
    share: Share = WHOLE

    @property
    def most(self) -> int:
        """Most trials, the given ones among them."""
        return len(self.given) + (0 if self.base is None else self.search.trials)


@dataclass
class _Running:
    """A trial that is running."""

    candidate: Candidate
    scores: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0

    def in_order(self) -> list[float]:
        return [self.scores[fold] for fold in sorted(self.scores)]


@dataclass
class TrialRunner:
    """The trials of a search, as far as it has come.

    Attributes:
        plan: What it runs.
        workers: Fits candidates on folds.
        study: Proposes values; None: the given candidates are all.
        journal: Keeps what has ended.
        log: Called with each trial that has ended.
        tell: Called with how far the search is.
        clock: Seconds.
        ended: Trials that have ended, by number.
    """

    plan: TrialPlan
    workers: Workers
    study: Study | None
    journal: Journal
    log: Callable[[Trial], None]
    tell: Callable[[str], None]
    clock: Callable[[], float]
    ended: dict[int, Trial]
    _running: dict[int, _Running] = field(default_factory=dict)
    _pending: dict[Future[FoldScore], tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began = self.clock()
        self._count_spent(self.ended.values())

    def run(self) -> list[Trial]:
        """Run trials until the budget is used up; return all that have ended, by number.

        Raises:
            SpecError: The first candidate does not work, and it has to.
            Superseded: A newer attempt has begun.
        """
        while True:
            self._begin()
            if not self._pending:
                return [self.ended[number] for number in sorted(self.ended)]
            done, _ = wait(self._pending, TELL_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(*self._pending.pop(future), future.result())
            self._show()

    def _begin(self) -> None:
        """Begin trials while processes are free."""
        while len(self._running) < self.plan.search.parallel:
            following = self._next()
            if following is None:
                return
            number, candidate = following
            if (twin := self._twin(candidate)) is not None:
                running = _Running(candidate, dict(enumerate(twin.scores)))
                self._end(number, running, twin.state, reason=twin.reason)
                continue
            self._running[number] = _Running(candidate)
            one_by_one = self.plan.search.parallel == 1 or self._may_prune(number)
            for fold in range(1 if one_by_one else self.plan.search.folds):
                self._submit(number, fold)

    def _next(self) -> tuple[int, Candidate] | None:
        taken = self.ended.keys() | self._running.keys()
        given = self.plan.given
        for number, candidate in enumerate(given):
            if number in taken:
                continue
            if number < self.plan.always:
                return number, candidate
            if self.plan.share.holds(number):
                return (number, candidate) if self._has_time() else None
        if any(number < len(given) for number in self._running):
            return None
        return self._proposed()

    def _proposed(self) -> tuple[int, Candidate] | None:
        """The next trial of this share that the study proposes, by all that have ended."""
        base, share = self.plan.base, self.plan.share
        if self.study is None or base is None:
            return None
        self._read_others()
        taken = self.ended.keys() | self._running.keys()
        if len(taken) >= self.plan.most or not self._has_time():
            return None
        numbers = range(len(self.plan.given), self.plan.most)
        number = next((one for one in numbers if one not in taken and share.holds(one)), None)
        if number is None:
            return None
        # A newer attempt has made the study anew.
        self.journal.attempt.check()
        searched = self.study.ask(number)
        estimator = Estimator(name=base.name, params={**base.params, **searched})
        return number, Candidate(f"trial {number}", estimator, searched)

    def _read_others(self) -> None:
        """Learn from the trials that other workers have ended."""
        if self.study is None or not self.plan.share.is_shared:
            return
        found = self.journal.read(known=self.ended)
        self._count_spent(found)
        for trial in found:
            self.ended[trial.number] = trial
            if trial.number >= len(self.plan.given):
                self.study.add(as_ended(trial, own=self.ended[0].scores))

    def _count_spent(self, trials: Iterable[Trial]) -> None:
        """Count the time of earlier attempts and other workers: it is the study's."""
        spent = max((one.spent_s for one in trials), default=0.0)
        self._began = min(self._began, self.clock() - spent)

    def _twin(self, candidate: Candidate) -> Trial | None:
        """An ended trial of the same values, whose scores need no further fit."""
        if not candidate.searched:
            return None
        same = (one for one in self.ended.values() if one.candidate.searched == candidate.searched)
        return next(same, None)

    def _submit(self, number: int, fold: int) -> None:
        estimator = self._running[number].candidate.estimator
        self._pending[self.workers.submit(estimator, fold)] = (number, fold)

    def _take(self, number: int, fold: int, outcome: FoldScore) -> None:
        """Take the outcome of a fit, and go on with the trial's next fold, or end it."""
        running = self._running.get(number)
        if running is None:
            return
        running.seconds += outcome.seconds
        if outcome.value is None:
            self._fail(number, running, outcome.failure)
            return
        running.scores[fold] = outcome.value
        if len(running.scores) == self.plan.search.folds:
            self._end(number, running, "complete")
        elif any(one == number for one, _ in self._pending.values()):
            return
        elif self._may_prune(number) and self._is_hopeless(number, running, fold):
            self._end(number, running, "pruned")
        elif number >= self.plan.always and not self._has_time():
            del self._running[number]
        else:
            self._submit(number, fold + 1)

    def _may_prune(self, number: int) -> bool:
        return self.plan.search.pruning and number >= len(self.plan.given)

    def _is_hopeless(self, number: int, running: _Running, fold: int) -> bool:
        if self.study is None:
            return False
        value = reported(running.in_order(), own=self.ended[0].scores)[-1]
        return self.study.report(number, fold=fold, value=value)

    def _fail(self, number: int, running: _Running, failure: SpecError | None) -> None:
        if failure is not None and number == 0 and self.plan.must_fit:
            raise failure
        told = [] if failure is None else [failure.message, failure.found or failure.expected or ""]
        self._end(number, running, "failed", reason=": ".join(told)[:MOST_REASON])

    def _end(self, number: int, running: _Running, state: State, *, reason: str = "") -> None:
        trial = Trial(
            number,
            running.candidate,
            tuple(running.in_order()),
            state,
            round(running.seconds, 3),
            reason,
            round(self._spent(), 3),
        )
        trial = self.journal.keep(trial)
        if self.study is not None and number >= len(self.plan.given):
            self.study.tell(as_ended(trial, own=self.ended[0].scores))
        self._running.pop(number, None)
        self.ended[number] = trial
        self.log(trial)

    def _spent(self) -> float:
        return self.clock() - self._began

    def _has_time(self) -> bool:
        return self._spent() < self.plan.search.minutes * 60

    def _show(self) -> None:
        trials = tuple(self.ended.values())
        greater = METRICS[self.plan.metric].greater_is_better
        is_any = any(one.state == "complete" for one in trials)
        best = best_of(trials, greater_is_better=greater) if is_any else None
        search = self.plan.search
        progress = Progress(
            trials,
            self.plan.most,
            self.plan.metric,
            best,
            self._spent(),
            search.minutes * 60,
            search.parallel * self.plan.share.workers,
            are_alike=self.plan.base is not None,
            workers=self.plan.share.workers,
        )
        self.tell(str(progress))


def as_ended(trial: Trial, *, own: Sequence[float]) -> EndedTrial:
    """Return a trial as a study learns from it.

    Args:
        trial: Trial.
        own: Scores of the spec's own parameters on each fold.
    """
    return EndedTrial(
        trial.number,
        trial.candidate.searched,
        trial.mean if trial.state == "complete" else None,
        reported(trial.scores, own=own),
        has_failed=trial.state == "failed",
    )


def reported(scores: Sequence[float], *, own: Sequence[float]) -> list[float]:
    """Return the mean gain over the spec's own parameters after each fold.

    Some folds are harder than others, for any parameters; gains can be compared between them.
    """
    gains = [one - other for one, other in zip(scores, own, strict=False)]
    return [statistics.fmean(gains[: count + 1]) for count in range(len(gains))]
