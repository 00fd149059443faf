"""Retrain policy: one pure function accepts or suppresses a retrain request, by six rules.

| Rule | Applies to |
|---|---|
| one retraining at a time | every request |
| enough labels to train at all (`first_after_labels`) | every request |
| no champion was lost in the registry | every request but one `without_champion` |
| mode: `observe` and `suggest` accept people only | automatic requests |
| enough new labels since the last training (`min_new_labels`) | automatic requests |
| cool-down on the event clock (`cooldown_days`) | automatic requests |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from slipway.records.requests import Kind
from slipway.records.verdicts import Number
from slipway.values.value_types import LATEST

if TYPE_CHECKING:
    from slipway.spec.model import Retraining


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
    """

    clock: datetime
    labels: int
    trained_labels: int | None
    in_flight: int | None
    last_automatic: datetime | None
    lost_champion: str | None = None

    @property
    def new_labels(self) -> int | None:
        """Labels since the last training, or None before the first."""
        return None if self.trained_labels is None else self.labels - self.trained_labels

    def numbers(self) -> dict[str, Number]:
        """Return the facts as the numbers of a decision."""
        return {
            "clock": self.clock.isoformat(),
            "labels": self.labels,
            "new_labels": self.new_labels,
            "in_flight": self.in_flight,
            "last_automatic": self.last_automatic.isoformat() if self.last_automatic else None,
        }


@dataclass(frozen=True)
class PolicyDecision:
    """Decision on one request: action, reason, and the numbers that were compared."""

    action: Literal["accept", "suppress"]
    reason: str
    numbers: Mapping[str, Number]


def apply_policy(
    kind: Kind, facts: RetrainFacts, policy: Retraining, *, without_champion: bool = False
) -> PolicyDecision:
    """Accept or suppress a request of one kind; pure.

    A person may request in every mode, within the cool-down, and without new labels: a changed
    spec is a reason too.

    Args:
        kind: Kind of the request.
        facts: State of labels, clock and earlier requests.
        policy: The model's rules.
        without_champion: Whether the request leaves a lost champion out of the comparison.
    """
    objection = in_flight_objection(facts) or too_few_labels_objection(facts, policy)
    if objection is None and not without_champion:
        objection = facts.lost_champion
    if objection is None and kind != "person":
        objection = (
            mode_objection(policy)
            or too_few_new_labels_objection(facts, policy)
            or cooldown_objection(facts, policy)
        )
        if objection is not None and kind in {"drift", "decay"}:
            objection += " The monitor asks again if the next window says the same."
    if objection is not None:
        return PolicyDecision("suppress", objection, facts.numbers())
    since = "" if facts.new_labels is None else f", {facts.new_labels} new"
    reason = f"Accepted: nothing else is in flight and there are {facts.labels} labels{since}."
    return PolicyDecision("accept", reason, facts.numbers())


def in_flight_objection(facts: RetrainFacts) -> str | None:
    """Object while another request of the model is in flight."""
    if facts.in_flight is None:
        return None
    return f"Request {facts.in_flight} is being worked on; one at a time."


def too_few_labels_objection(facts: RetrainFacts, policy: Retraining) -> str | None:
    """Object while there are too few labels to train at all."""
    if facts.labels >= policy.first_after_labels:
        return None
    return (
        f"There are {facts.labels} labels; training needs {policy.first_after_labels} "
        "(retraining.first_after_labels)."
    )


def mode_objection(policy: Retraining) -> str | None:
    """Object unless the mode accepts automatic requests."""
    if policy.mode == "auto":
        return None
    return f"Mode {policy.mode} accepts people only; a person may ask with this reason."


def too_few_new_labels_objection(facts: RetrainFacts, policy: Retraining) -> str | None:
    """Object while too few labels are new since the last training."""
    if facts.new_labels is None or facts.new_labels >= policy.min_new_labels:
        return None
    return (
        f"{facts.new_labels} labels are new since the last training; {policy.min_new_labels} are "
        "needed (retraining.min_new_labels)."
    )


def cooldown_objection(facts: RetrainFacts, policy: Retraining) -> str | None:
    """Object during the cool-down after the last automatic request, on the event clock.

    A clock before that request was corrected since: its cool-down would never end, so it has none.
    """
    last, cooldown = facts.last_automatic, timedelta(days=policy.cooldown_days)
    if last is None or last > facts.clock or facts.clock - last >= cooldown:
        return None
    until = last + min(cooldown, LATEST - last)
    return (
        f"The cool-down of {policy.cooldown_days} days lasts until {until:%Y-%m-%d %H:%M} "
        f"UTC of event time; it is {facts.clock:%Y-%m-%d %H:%M}."
    )
