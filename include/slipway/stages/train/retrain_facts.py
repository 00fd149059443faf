"""Facts that the retrain policy decides on, taken from the trainings of the past; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from slipway.records.requests import Outcome
from slipway.records.verdicts import Number

if TYPE_CHECKING:
    from slipway.spec.retraining import Retraining


@dataclass(frozen=True)
class PastTraining:
    """An accepted request that was no dry run.

    Attributes:
        number: Number of the request.
        at: Event clock when it was accepted, or the earliest of later decisions: the clock was
            corrected since.
        labels: Labels that had arrived.
        automatic: Whether no person had filed it.
        by_person: Whether a person filed or approved it.
        outcome: What became of it; None while it is in flight.
        rejected: How its challenger was rejected, in words; None: it was not.
    """

    number: int
    at: datetime
    labels: int
    automatic: bool
    by_person: bool
    outcome: Outcome | None
    rejected: str | None = None


@dataclass(frozen=True)
class RetrainFacts:
    """Facts that the policy decides on.

    Attributes:
        clock: The dataset's event clock.
        labels: Labels that have arrived.
        trained_labels: Labels at the last accepted request that did not fail; None without one.
        in_flight: Number of the accepted request that has no answer yet, or None.
        last_automatic: Event clock when an automatic request was last accepted, or None.
        lost_champion: The loss of the champion in the registry, in words, or None.
        trainings: Event clocks of the trainings so far, newest first; so many as the budget needs.
        rejected: Challengers that were rejected since the last one that was not, and since the
            last training of a person; in words, newest first.
    """

    clock: datetime
    labels: int
    trained_labels: int | None
    in_flight: int | None
    last_automatic: datetime | None
    lost_champion: str | None = None
    trainings: Sequence[datetime] = ()
    rejected: Sequence[str] = ()

    @property
    def new_labels(self) -> int | None:
        """Labels since the last training, or None before the first."""
        return None if self.trained_labels is None else self.labels - self.trained_labels

    def spent(self, days: int) -> list[datetime]:
        """Return the event clocks of the trainings in the span that ends now, newest first."""
        return [at for at in self.trainings if self.clock - at < timedelta(days=days)]

    def numbers(self) -> dict[str, Number]:
        """Return the facts as the numbers of a decision."""
        return {
            "clock": self.clock.isoformat(),
            "labels": self.labels,
            "new_labels": self.new_labels,
            "in_flight": self.in_flight,
            "last_automatic": self.last_automatic.isoformat() if self.last_automatic else None,
        }


def facts_of(
    past: Iterable[PastTraining],
    policy: Retraining,
    *,
    clock: datetime,
    labels: int,
    in_flight: int | None,
    lost_champion: str | None = None,
) -> RetrainFacts:
    """Return the facts for a decision; pure.

    Args:
        past: Trainings of the past, newest first; no more is read than the policy needs.
        policy: The model's rules.
        clock: The dataset's event clock.
        labels: Labels that have arrived.
        in_flight: Number of the accepted request that has no answer yet.
        lost_champion: The loss of the champion in the registry, in words.
    """
    needed = _read_needed(past, policy, clock=clock)
    # No model that may serve learnt from the labels of a failure, and its cause may be repaired.
    learnt = [one for one in needed if one.outcome != "failed"]
    return RetrainFacts(
        clock,
        labels,
        trained_labels=learnt[0].labels if learnt else None,
        in_flight=in_flight,
        last_automatic=next((one.at for one in learnt if one.automatic), None),
        lost_champion=lost_champion,
        trainings=tuple(min(one.at, clock) for one in needed),
        rejected=_rejected_in_a_row(needed),
    )


def _read_needed(
    past: Iterable[PastTraining], policy: Retraining, *, clock: datetime
) -> list[PastTraining]:
    """The newest trainings, up to the one after which no rule looks any further back."""
    needed: list[PastTraining] = []
    for one in past:
        needed.append(one)
        has_automatic = any(one.automatic and one.outcome != "failed" for one in needed)
        if has_automatic and _is_spent_counted(one, policy, clock) and _is_row_over(needed, policy):
            break
    return needed


def _is_spent_counted(one: PastTraining, policy: Retraining, clock: datetime) -> bool:
    """Whether no earlier training can be in the span of the budget."""
    return policy.budget is None or clock - one.at >= timedelta(days=policy.budget.days)


def _is_row_over(needed: Sequence[PastTraining], policy: Retraining) -> bool:
    """Whether no earlier training can lengthen the row of rejected challengers."""
    if policy.breaker is None or any(_ends_row(one) for one in needed):
        return True
    return len(_rejected_in_a_row(needed)) >= policy.breaker.rejected


def _rejected_in_a_row(newest_first: Sequence[PastTraining]) -> tuple[str, ...]:
    row = takewhile(lambda one: not _ends_row(one), newest_first)
    return tuple(one.rejected for one in row if one.rejected is not None)


def _ends_row(one: PastTraining) -> bool:
    """Whether a training ends the row: a person's, or one whose challenger was not rejected.

    A failure, a dry run and a training in flight say nothing about challengers.
    """
    return one.by_person or (one.outcome == "promoted" and one.rejected is None)
