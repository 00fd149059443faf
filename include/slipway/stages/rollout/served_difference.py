"""Describe how what is served differs from the champion, and what the next deploy does about it."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.errors import Denied, EditedByHand, Transient
from slipway.records.idempotent_stage import find_decision
from slipway.records.open_work import open_stages
from slipway.records.run_records import find_record
from slipway.records.store import Store
from slipway.stages.ports.registry import Versions
from slipway.stages.rollout.complete_rollouts import is_unsettled
from slipway.stages.rollout.confirm_champion import confirm_champion
from slipway.stages.rollout.decide_rollout import decide_rollout
from slipway.stages.rollout.manual_edits import respect_edits
from slipway.stages.rollout.observe import observe
from slipway.stages.rollout.observed_state import ObservedState, RolloutDecision
from slipway.stages.rollout.plan import rollout_number
from slipway.stages.rollout.platform import Served, ServedReader


@dataclass(frozen=True)
class ServedState:
    """Traffic and aliases of a model, as they were read once.

    Attributes:
        served: Live state; None when nothing was ever served, or when it is not known.
        observed: The same with the aliases; None when either is not known.
        decision: What the next deploy decides; None when it cannot, or when it is not known.
        unknown: Why what is served is not known; None when it is.
        stopped: Run of a rollout that was stopped, or is about to carry out what it decided; the
            next deploy completes it first.
    """

    served: Served | None = None
    observed: ObservedState | None = None
    decision: RolloutDecision | None = None
    unknown: str | None = None
    stopped: str | None = None


def read_served_state(
    model: str, *, store: Store, registry: Versions | None, platform: ServedReader
) -> ServedState:
    """Read what is served and what the next deploy decides.

    Args:
        model: Name of the model.
        store: Store of the records of rollouts.
        registry: Versions; None: they are not known.
        platform: Reads the served traffic.

    Raises:
        RegistryUnavailable: The registry does not answer.
    """
    try:
        served = platform.served(model)
    except (Denied, Transient) as error:
        return ServedState(unknown=error.message)
    if registry is None:
        return ServedState(served)
    try:
        observed = observe(model, store=store, registry=registry, platform=_Seen(served))
        decision = respect_edits(model, observed, decide_rollout(observed, "challenger"))
        if decision.action == "nothing" and is_unsettled(store, model):
            decision = confirm_champion(store, model, observed) or decision
    except EditedByHand:
        return ServedState(served)
    return ServedState(served, observed, decision, stopped=_stopped(store, model))


def describe_difference(state: ServedState) -> str | None:
    """Describe how what is served differs from the champion; None without a difference; pure."""
    if state.unknown is not None:
        return f"what is served is not known: {state.unknown}"
    served, observed = state.served, state.observed
    if served is not None and served.edited is not None:
        return f"what is served was edited by hand, and deploy leaves it so: {served.edited}"
    if observed is None:
        return None
    if observed.canaries and served is not None:
        shares = [f"version {one} ({part:.0%})" for one, part in served.weights.items()]
        return f"{' and '.join(shares)} share its requests; a rollout moves them, or was cut off"
    is_served = served is not None and bool(served.weights)
    if observed.served == observed.champion and (observed.champion or not is_served):
        return _describe_other_bytes(observed, state)
    champion = "no version" if observed.champion is None else f"version {observed.champion}"
    found = f"{describe_served(served)} and {champion} is champion"
    return f"{found}; {describe_deploy(state)}"


def _describe_other_bytes(observed: ObservedState, state: ServedState) -> str | None:
    if observed.champion is None or not observed.is_new(observed.champion):
        return None
    found = (
        f"version {observed.champion} is champion with other bytes than those that serve under its "
        "number"
    )
    decision = state.decision
    is_rolled_out = decision is not None and decision.version == observed.champion
    if is_rolled_out and state.stopped is None:
        return f"{found}; deploy verifies them first"
    return f"{found}; {describe_deploy(state)}"


def describe_deploy(state: ServedState) -> str:
    """Describe what the next deploy does, as a clause; pure."""
    decision = state.decision
    if state.stopped is not None and decision is not None:
        return f"deploy completes {state.stopped} first"
    if decision is None or decision.action == "nothing":
        return "deploy leaves it so"
    if decision.action == "repair":
        is_served = state.observed is not None and state.observed.served == decision.version
        what = f"confirms version {decision.version}, of which the ledger has no promotion yet"
        return f"deploy {what}" if is_served else "deploy repairs it"
    verb = "returns to" if decision.action == "roll_back" else "rolls out"
    return f"deploy {verb} version {decision.version}"


def difference_to_served(
    model: str, *, store: Store, registry: Versions, platform: ServedReader
) -> str | None:
    """Describe how what is served differs from the champion; None without a difference.

    Raises:
        RegistryUnavailable: The registry does not answer.
    """
    state = read_served_state(model, store=store, registry=registry, platform=platform)
    return describe_difference(state)


def describe_served(served: Served | None) -> str:
    """Describe which versions have the requests, as a clause; pure."""
    if served is None or not served.weights:
        return "nothing is served"
    if served.version is not None:
        return f"version {served.version} is served"
    [*versions] = served.weights
    if len(versions) == 1:
        return f"version {versions[0]} has every request and cannot answer"
    shares = [f"version {one} ({part:.0%})" for one, part in served.weights.items()]
    return f"{' and '.join(shares)} share its requests"


def _stopped(store: Store, model: str) -> str | None:
    """Run of a rollout whose stage has decided and has not recorded it."""
    stopped = (
        ref.run
        for ref in open_stages(store, model)
        if rollout_number(ref.run) is not None
        and find_record(store, ref) is None
        and find_decision(store, ref) is not None
    )
    return next(stopped, None)


@dataclass(frozen=True)
class _Seen:
    """A platform's state that was read before."""

    state: Served | None

    def served(self, model: str) -> Served | None:
        """The state."""
        del model
        return self.state
