"""Tell what is next for a model: the work in progress, the next rollout, or what is waited for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain

from slipway.records.failed_requests import in_one_line
from slipway.records.requests import Outcome
from slipway.stages.report.model_state import ModelState
from slipway.stages.report.refusals import refusal_reason
from slipway.stages.rollout.lease import LEASE_SECONDS
from slipway.stages.rollout.served_difference import describe_deploy
from slipway.stages.rollout.version_outcome import REFUSED, ROLLED_BACK

DECIDED = (("decide", "nothing"), ("decide", "request"))
_DECIDED_ABOUT = re.compile(r"-v(\d+)-[0-9a-f]+$")
"""Version in the run id of `decide`, whose newest window is `2013-05-v3`."""


def describe_next(state: ModelState) -> str:
    """Return the line `Next`; pure."""
    told = (describe(state) for describe in _IN_ORDER)
    return f"Next: {next(text for text in told if text is not None)}"


def _invalid_specs(state: ModelState) -> str | None:
    if state.valid == "both":
        return None
    return (
        "no training, rollout or monitoring until the specs are valid again; "
        f"`slipway rollback {state.model}` needs none."
    )


def _request_in_flight(state: ModelState) -> str | None:
    if state.in_flight is None:
        return None
    asked = f"request {state.in_flight.number} ({state.in_flight.kind})"
    return f"{asked} is being worked on: {state.in_flight.reason}"


def _rollout_in_progress(state: ModelState) -> str | None:
    if state.rollout is None:
        return None
    aim = "the rollout of" if state.rollout.action == "roll_out" else "the return to"
    return (
        f"{aim} version {state.rollout.version} is under way; if it was cut off, deploy takes over "
        f"{LEASE_SECONDS / 60:.0f} minutes after its last step at the latest."
    )


def _damaged(state: ModelState) -> str | None:
    if not state.is_stopped:
        return None
    return (
        "no rollout begins until the ledger is restored or accepted; "
        f"`slipway rollback {state.model}` goes by its intact entries."
    )


def _unknown(state: ModelState) -> str | None:
    if state.outage is not None and state.traffic.stopped is not None:
        first = f"deploy completes {state.traffic.stopped} first, once MLflow answers"
        return f"{first}; what follows is not known: {state.outage}."
    if state.outage is not None:
        return f"not known: {state.outage}."
    if state.traffic.unknown is not None:
        return "not known while what is served is not known."
    return None


def _unusable(state: ModelState) -> str | None:
    decision = state.traffic.decision
    if decision is None or decision.action == "nothing":
        return None
    if decision.version not in state.unusable:
        return None
    return (
        f"deploy stops at version {decision.version}, whose signature does not count; "
        f"`slipway sign {state.model}` signs what the ledger knows."
    )


def _next_rollout(state: ModelState) -> str | None:
    decision, challenger = state.traffic.decision, state.challenger
    if decision is not None and state.traffic.stopped is not None:
        return f"{describe_deploy(state.traffic)}."
    if decision is None:
        return "no rollout begins until the edit by hand is undone or handed back."
    if decision.action == "nothing":
        return None
    is_challenger = challenger is not None and challenger.version == decision.version
    is_begun = decision.version in _shares(state)
    if decision.action == "roll_out" and is_challenger and not is_begun:
        return f"version {decision.version} is challenger and waits for deploy."
    return f"{describe_deploy(state.traffic)}."


def _shares(state: ModelState) -> Mapping[int, float]:
    return state.traffic.served.weights if state.traffic.served else {}


def _without_rollout(state: ModelState) -> str:
    """What is waited for, after the refusal of a challenger that is not rolled out."""
    steps = (_lost_champion, _undecided_request, _first_model)
    waited_for = (describe(state) for describe in steps)
    last = (t for t in chain(waited_for, [state.pending, _monitor(state)]) if t is not None)
    return f"{_refused_challenger(state)}{next(last)}"


def _refused_challenger(state: ModelState) -> str:
    observed, challenger = state.traffic.observed, state.challenger
    if observed is None or challenger is None or challenger.version not in observed.blocked:
        return ""
    version = challenger.version
    outcome = observed.blocked[version]
    words = {REFUSED: "was refused", ROLLED_BACK: "was rolled back"}
    was = words.get(outcome, f"was refused ({outcome})")
    reason = (refusal_reason(state, version, outcome=outcome) or "").removesuffix(".")
    because = f", because {reason[0].lower()}{reason[1:]}" if reason else " before"
    return f"version {version}, the challenger, {was}{because}; "


def _lost_champion(state: ModelState) -> str | None:
    if state.lost_champion is None:
        return None
    return (
        "a person has to restore the champion or replace it; until then nothing is monitored and "
        "no request is due."
    )


def _undecided_request(state: ModelState) -> str | None:
    newest = state.newest_request
    return None if newest is None or newest.decision is not None else state.pending


def _first_model(state: ModelState) -> str | None:
    if state.champion is not None:
        return None
    newest = state.newest_request
    if newest is None or newest.decision is None:
        return "the first model, once enough labels have arrived."
    what, asked = "a first model, with new labels or on request", f"request {newest.request.number}"
    if newest.decision.action == "suppress":
        return f"{what}; {asked} was suppressed: {newest.decision.reason}"
    if newest.answer is None or newest.answer.outcome == "promoted":
        return f"{what}."
    outcome = newest.answer.outcome
    past = _PAST[outcome]
    return f"{what}; {asked} {past}: {in_one_line(newest.answer.reason)}"


def _monitor(state: ModelState) -> str:
    entry = next(state.about(None, *DECIDED), None)
    found = _DECIDED_ABOUT.search(entry["fact"]["run"]) if entry else None
    watched = state.traffic.served_instead or state.version
    is_earlier = found is not None and int(found[1]) != watched
    if entry is None or is_earlier:
        return "the monitor looks at the first window that closes."
    return f"the monitor goes on; its last verdict: {entry['fact']['reason']}"


_PAST: Mapping[Outcome, str] = {
    "promoted": "was promoted",
    "refused": "was refused",
    "dry_run": "was a dry run",
    "failed": "failed",
}

_IN_ORDER: tuple[Callable[[ModelState], str | None], ...] = (
    _invalid_specs,
    _request_in_flight,
    _rollout_in_progress,
    _damaged,
    _unknown,
    _unusable,
    _next_rollout,
    _without_rollout,
)
