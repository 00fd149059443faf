"""Describe how what is served differs from the champion, and what the next deploy does about it."""

from __future__ import annotations

from slipway.records.store import Store
from slipway.stages.ports.registry import Versions
from slipway.stages.rollout.observed_state import ObservedState
from slipway.stages.rollout.platform import Served, ServedReader
from slipway.stages.rollout.served_state import ServedState, read_served_state

LEFT = "deploy leaves it so"


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


def describe_other_version(state: ServedState) -> str | None:
    """Describe that another version than the champion has every request; None otherwise; pure."""
    return None if state.served_instead is None else describe_difference(state)


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
    if state.stopped is not None and state.lost is not None:
        return f"deploy cannot complete {state.stopped}: {state.lost}"
    if state.stopped is not None and decision is not None:
        return f"deploy completes {state.stopped} first"
    if decision is None or decision.action == "nothing":
        return LEFT
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
