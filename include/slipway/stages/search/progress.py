"""Words about how far a search is, and how much time is left; pure."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.stages.search.trials import Trial


@dataclass(frozen=True)
class Progress:
    """State of a search.

    Attributes:
        trials: Trials that have ended, of this attempt and earlier ones.
        planned: Trials that the search may have in all.
        metric: What they are compared by.
        best: The best complete trial so far; None: none is complete.
        spent_s: Seconds that the search has taken.
        budget_s: Seconds that it may take.
        parallel: Number of fits at a time, of all workers together.
        are_alike: Whether ended trials tell how long others take; recipes differ too much.
        workers: Pods that share the trials.
    """

    trials: tuple[Trial, ...]
    planned: int
    metric: str
    best: Trial | None
    spent_s: float
    budget_s: float
    parallel: int
    are_alike: bool = True
    workers: int = 1

    @property
    def left_s(self) -> float | None:
        """Seconds until the budget is spent, or all trials have ended; None: not foreseeable."""
        budget = max(0.0, self.budget_s - self.spent_s)
        if not self.trials or not self.are_alike:
            return None
        each = sum(one.seconds for one in self.trials) / len(self.trials)
        return min(budget, each * (self.planned - len(self.trials)) / self.parallel)

    def __str__(self) -> str:
        told = f"search: {len(self.trials)} of {self.planned} trials"
        if self.workers > 1:
            told += f", by {self.workers} workers"
        if self.best is not None:
            best = self.best
            told += f", best {self.metric} {best.mean:.4g} ({best.candidate.name})"
        told += f"; {in_time(self.spent_s)} of {in_time(self.budget_s)} spent"
        left = self.left_s
        return told if left is None else f"{told}, about {in_time(left)} left"


IN_SECONDS = 120.0
"""Shorter durations are told in seconds."""


def in_time(seconds: float) -> str:
    """Return a duration in seconds or minutes."""
    return f"{seconds:.0f} s" if seconds < IN_SECONDS else f"{seconds / 60:.0f} min"
