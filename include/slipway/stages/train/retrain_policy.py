"""Whether a request to retrain is accepted: one pure policy, whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from slipway.records.requests import Kind
from slipway.records.verdicts import Number

if TYPE_CHECKING:
    from slipway.spec.model import Retraining


@dataclass(frozen=True)
class Facts:
    """What the policy may look at.

    Attributes:
        clock: The dataset's event clock.
        labels: Labels that have arrived.
        trained_labels: Labels there were at the last accepted request that did not fail; None when
            there was none.
        in_flight: Number of the request that is being worked on; None when there is none.
        last_automatic: Event clock when an automatic request was last accepted; None when never.
    """

    clock: datetime
    labels: int
    trained_labels: int | None
    in_flight: int | None
    last_automatic: datetime | None

    def numbers(self) -> dict[str, Number]:
        """The same facts as the decision stores them."""
        new = None if self.trained_labels is None else self.labels - self.trained_labels
        return {
            "clock": self.clock.isoformat(),
            "labels": self.labels,
            "new_labels": new,
            "in_flight": self.in_flight,
            "last_automatic": self.last_automatic.isoformat() if self.last_automatic else None,
        }


@dataclass(frozen=True)
class Judgement:
    """What the policy says to one request: accept or suppress, why, and on which numbers."""

    action: Literal["accept", "suppress"]
    reason: str
    numbers: Mapping[str, Number]


def judge(kind: Kind, facts: Facts, policy: Retraining) -> Judgement:
    """Accept or suppress a request of one kind; pure.

    A person may ask in every mode, within the cool-down, and without new labels: a changed spec
    is a reason too. Nobody may ask while another request is worked on, or before there are labels
    enough to train at all.

    Args:
        kind: What asks.
        facts: How things stand.
        policy: The model's rules.
    """
    objection = _objection_to_anyone(facts, policy)
    if objection is None and kind != "person":
        objection = _objection_to_automatic(facts, policy)
        if objection is not None and kind in {"drift", "decay"}:
            objection += " The monitor asks again if the next window says the same."
    if objection is not None:
        return Judgement("suppress", objection, facts.numbers())
    since = "" if facts.trained_labels is None else f", {facts.labels - facts.trained_labels} new"
    reason = f"Accepted: nothing else is in flight and there are {facts.labels} labels{since}."
    return Judgement("accept", reason, facts.numbers())


def _objection_to_anyone(facts: Facts, policy: Retraining) -> str | None:
    if facts.in_flight is not None:
        return f"Request {facts.in_flight} is being worked on; one at a time."
    if facts.labels < policy.first_after_labels:
        return (
            f"There are {facts.labels} labels; training needs {policy.first_after_labels} "
            "(retraining.first_after_labels)."
        )
    return None


def _objection_to_automatic(facts: Facts, policy: Retraining) -> str | None:
    if policy.mode != "auto":
        return f"Mode {policy.mode} accepts people only; a person may ask with this reason."
    if facts.trained_labels is not None:
        new = facts.labels - facts.trained_labels
        if new < policy.min_new_labels:
            return (
                f"{new} labels are new since the last training; {policy.min_new_labels} are "
                "needed (retraining.min_new_labels)."
            )
    if facts.last_automatic is not None:
        until = facts.last_automatic + timedelta(days=policy.cooldown_days)
        if facts.clock < until:
            return (
                f"The cool-down of {policy.cooldown_days} days lasts until {until:%Y-%m-%d %H:%M} "
                f"UTC of event time; it is {facts.clock:%Y-%m-%d %H:%M}."
            )
    return None
