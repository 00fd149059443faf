"""State a decision of `reconcile` as its verdict, from which later stages read their plan."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.records.verdicts import Number, Verdict
from slipway.stages.model.aliases import PREVIOUS
from slipway.stages.rollout.observed_state import ObservedState, RolloutDecision
from slipway.stages.rollout.repair import REPAIR


def reconcile_verdict(
    decision: RolloutDecision, state: ObservedState, *, to: str, completed: Sequence[str] = ()
) -> Verdict:
    """Return the verdict on a decision, with the versions and digests that it was made on; pure.

    Args:
        decision: The decision.
        state: Aliases and traffic that it was made on.
        to: Version that was asked for.
        completed: Sentences about earlier rollouts that were completed first.
    """
    version, previous = decision.version, state.previous
    is_return = decision.action == REPAIR and to == PREVIOUS
    taken_back = (*state.canaries, *([state.unpromoted] if state.unpromoted else []))
    asked_back = is_return and len(taken_back) == 1
    numbers: dict[str, Number] = {
        "version": version,
        "champion": state.standing,
        "previous": None if state.is_new(previous) else previous,
        "challenger": state.challenger,
        "served": state.stands,
        **({"canary": taken_back[0]} if asked_back else {}),
    }
    # A repair routes to what runs already; any other rollout to what the registry has.
    first, second = state.running, state.registered
    meant = {**second, **first} if decision.action == REPAIR else {**first, **second}
    digests = {
        "digest": None if version is None else meant.get(version),
        "champion_digest": None if state.standing is None else second.get(state.standing),
        "served_digest": None if state.stands is None else first.get(state.stands),
        "previous_digest": None if previous is None else meant.get(previous),
    }
    known = {name: sha256 for name, sha256 in digests.items() if sha256 is not None}
    return Verdict(decision.action, " ".join([*completed, decision.reason]), {**numbers, **known})
