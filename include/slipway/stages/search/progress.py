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
        parallel: Number of fits at a time.
    """

    trials: tuple[Trial, ...]
    planned: int
    metric: str
    best: Trial | None
    spent_s: float
    budget_s: float
    parallel: int

    @property
    def left_s(self) -> float:
        """Seconds that are left: of the budget, or until all trials have ended, if that is less."""
        budget = max(0.0, self.budget_s - self.spent_s)
        if not self.trials:
            return budget
        each = sum(one.seconds for one in self.trials) / len(self.trials)
        return min(budget, each * (self.planned - len(self.trials)) / self.parallel)

    def __str__(self) -> str:
        told = f"search: {len(self.trials)} of {self.planned} trials"
        if self.best is not None:
            best = self.best
            told += f", best {self.metric} {best.mean:.4g} ({best.candidate.name})"
        return f"{told}; {in_time(self.spent_s)} spent, at most {in_time(self.left_s)} left"


IN_SECONDS = 120.0
"""Shorter durations are told in seconds."""


def in_time(seconds: float) -> str:
    """Return a duration in seconds or minutes."""
    return f"{seconds:.0f} s" if seconds < IN_SECONDS else f"{seconds / 60:.0f} min"
