"""Retrain policy: one pure function accepts or suppresses a retrain request, by eight rules.

With `mode: approve` an automatic request that no rule is against waits for a person's yes.

| Rule | Applies to |
|---|---|
| one retraining at a time | every request |
| enough labels to train at all (`first_after_labels`) | every request |
| no champion was lost in the registry | every request but one `without_champion` |
| mode: `observe` and `suggest` accept people only | automatic requests |
| fewer than k rejected challengers in a row (`breaker`) | automatic requests |
| enough new labels since the last training (`min_new_labels`) | automatic requests |
| cool-down on the event clock (`cooldown_days`) | automatic requests |
| fewer trainings in the span of the budget than it allows (`budget`) | automatic requests |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from slipway.records.requests import Kind
from slipway.records.verdicts import Number
from slipway.stages.train.retrain_facts import RetrainFacts
from slipway.values.value_types import LATEST

if TYPE_CHECKING:
    from slipway.records.approvals import Approval
    from slipway.spec.retraining import Retraining


@dataclass(frozen=True)
class PolicyDecision:
    """Decision on one request: action, reason, and the numbers that were compared.

    `wait` is none yet: a person has to answer, or an approved request stands behind another one.
    """

    action: Literal["accept", "suppress", "wait"]
    reason: str
    numbers: Mapping[str, Number]


@dataclass(frozen=True)
class Standing:
    """What is known of a request beside its kind.

    Attributes:
        without_champion: Whether it leaves a lost champion out of the comparison.
        approval: What a person said to it; None: nothing yet.
        withdrawn: Why the monitor no longer asks for it; None: it does.
        newer: Number of a newer request that waits for a person in its place.
    """

    without_champion: bool = False
    approval: Approval | None = None
    withdrawn: str | None = None
    newer: int | None = None


def apply_policy(
    kind: Kind, facts: RetrainFacts, policy: Retraining, *, standing: Standing | None = None
) -> PolicyDecision:
    """Accept or suppress a request of one kind, or let it wait for a person; pure.

    A person may request in every mode, within the cool-down, and without new labels: a changed
    spec is a reason too. A request that a person approved is as a person's, and stays due.

    Args:
        kind: Kind of the request.
        facts: State of labels, clock and earlier requests.
        policy: The model's rules.
        standing: What is known of the request beside its kind.
    """
    standing = standing or Standing()
    numbers = {**facts.numbers(), **_limits(facts, policy)}
    objection = in_flight_objection(facts) or too_few_labels_objection(facts, policy)
    if objection is None and not standing.without_champion:
        objection = facts.lost_champion
    since = "" if facts.new_labels is None else f", {facts.new_labels} new"
    accepted = f"nothing else is in flight and there are {facts.labels} labels{since}."
    if kind != "person" and standing.approval is not None:
        return _answered(standing.approval, objection, accepted, numbers)
    if kind != "person":
        objection = _withdrawn_objection(standing) or objection
        objection = objection or _automatic_objection(kind, facts, policy)
    if objection is not None:
        return PolicyDecision("suppress", objection, numbers)
    if kind != "person" and policy.mode == "approve":
        reason = f"It waits for a person's yes (retraining.mode: approve): {accepted}"
        return PolicyDecision("wait", reason, numbers)
    return PolicyDecision("accept", f"Accepted: {accepted}", numbers)


def _answered(
    approval: Approval, objection: str | None, accepted: str, numbers: Mapping[str, Number]
) -> PolicyDecision:
    """Decide on a request that a person has answered."""
    why = f": {approval.reason}" if approval.reason else ""
    if approval.answer == "no":
        told = {**numbers, "refused_by": approval.by}
        return PolicyDecision("suppress", f"{approval.by} said no{why}", told)
    told = {**numbers, "approved_by": approval.by}
    if objection is not None:
        return PolicyDecision("wait", f"{approval.by} said yes{why}. It waits: {objection}", told)
    return PolicyDecision("accept", f"{approval.by} said yes{why}. Accepted: {accepted}", told)


def _withdrawn_objection(standing: Standing) -> str | None:
    """Object to a request that nothing asks for any more."""
    if standing.withdrawn is not None:
        return f"The monitor asks for it no longer: {standing.withdrawn}"
    if standing.newer is not None:
        return f"Request {standing.newer}, which is newer, waits in its place."
    return None


def _automatic_objection(kind: Kind, facts: RetrainFacts, policy: Retraining) -> str | None:
    """Object to an automatic request by the rules that hold for those alone."""
    objection = mode_objection(policy) or breaker_objection(facts, policy)
    if objection is not None:
        return objection
    objection = (
        too_few_new_labels_objection(facts, policy)
        or cooldown_objection(facts, policy)
        or budget_objection(facts, policy)
    )
    if objection is None:
        return None
    unless = ", unless a window says otherwise" if kind in {"drift", "decay"} else ""
    return f"{objection} It is asked again once the rules allow it{unless}."


def _limits(facts: RetrainFacts, policy: Retraining) -> dict[str, Number]:
    """Numbers of the limits that a policy sets."""
    numbers: dict[str, Number] = {}
    if policy.breaker is not None:
        numbers |= {"rejected": len(facts.rejected), "rejected_limit": policy.breaker.rejected}
    if policy.budget is not None:
        spent = len(facts.spent(policy.budget.days))
        numbers |= {"trainings": spent, "trainings_limit": policy.budget.trainings}
    return numbers


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
    if policy.mode in {"auto", "approve"}:
        return None
    return f"Mode {policy.mode} accepts people only; a person may ask with this reason."


def breaker_objection(facts: RetrainFacts, policy: Retraining) -> str | None:
    """Object once as many challengers in a row were rejected as the breaker allows.

    Where a person approves each training, that person has looked.
    """
    breaker = None if policy.mode == "approve" else policy.breaker
    if breaker is None or len(facts.rejected) < breaker.rejected:
        return None
    rejected = facts.rejected[: breaker.rejected]
    were = (
        "The newest challenger was"
        if len(rejected) == 1
        else (f"The newest {len(rejected)} challengers in a row were")
    )
    return (
        f"{were} rejected: {'; '.join(reversed(rejected))}. Automatic requests stop until a person "
        "asks for a training (retraining.breaker)."
    )


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

    A clock before that request was corrected since: by up to a cool-down, it begins now; by more,
    it would hardly ever end, so there is none.
    """
    last, cooldown = facts.last_automatic, timedelta(days=policy.cooldown_days)
    if last is None or last - facts.clock > cooldown:
        return None
    last = min(last, facts.clock)
    if facts.clock - last >= cooldown:
        return None
    until = last + min(cooldown, LATEST - last)
    return (
        f"The cool-down of {policy.cooldown_days} days lasts until {until:%Y-%m-%d %H:%M} "
        f"UTC of event time; it is {facts.clock:%Y-%m-%d %H:%M}."
    )


def budget_objection(facts: RetrainFacts, policy: Retraining) -> str | None:
    """Object while as many trainings have begun in the span of the budget as it allows."""
    budget = policy.budget
    if budget is None:
        return None
    spent = facts.spent(budget.days)
    if len(spent) < budget.trainings:
        return None
    oldest = spent[budget.trainings - 1]
    until = oldest + min(timedelta(days=budget.days), LATEST - oldest)
    return (
        f"The budget of {budget.trainings} trainings in {budget.days} days is spent until "
        f"{until:%Y-%m-%d %H:%M} UTC of event time; it is {facts.clock:%Y-%m-%d %H:%M} "
        "(retraining.budget)."
    )
