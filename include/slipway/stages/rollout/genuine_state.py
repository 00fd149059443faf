"""Tell the desired states that a rollout wrote from those that were put into the store.

A rollout writes a state under a lease that it acquired, after it began, and only with versions that
its records name: every decision is stored before it is carried out. So what a state may say follows
from the records that are there. Where lease and records are forged with it, the signature of the
state tells, where keys are trusted; else the digests and the signature of a version decide whether
a server loads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slipway.errors import Tampered
from slipway.records.attempts import count_attempts
from slipway.records.desired_state import (
    BATCH_FOLDER,
    FOLDER,
    DesiredState,
    read_desired,
    state_key,
)
from slipway.records.idempotent_stage import find_decision
from slipway.records.leases import was_acquired
from slipway.records.run_records import RunRef
from slipway.records.store import Store, list_numbers
from slipway.records.verdicts import Verdict
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.plan import RolloutPlan, plan_of, rollout_run
from slipway.stages.rollout.platform import Served
from slipway.stages.rollout.rollout_records import RolloutRecords, read_rollout
from slipway.stages.rollout.signed_states import StateTrust
from slipway.stages.rollout.version_outcome import BLOCKED, PROMOTED, VERIFIED

ROLLOUTS_BEFORE = 20
"""So many rollouts before its own a state may complete, back to the newest promotion."""

Bytes = tuple[int, str | None]
"""A version's number with its digest; None: not recorded."""


@dataclass(frozen=True)
class Forgery:
    """A state that no rollout wrote.

    Attributes:
        key: Its store key.
        reason: Why it cannot be a rollout's, as a clause.
        mend: What mends it, as a sentence; empty: the next rollout writes another state.
        is_replay: Whether a newer one was followed before it, so that none before it counts.
    """

    key: str
    reason: str
    mend: str = ""
    is_replay: bool = False

    @property
    def sentence(self) -> str:
        """The same as a sentence."""
        return f"{self.key} is not followed: it {self.reason}. {self.mend}".rstrip()


@dataclass(frozen=True)
class Named:
    """Versions that a state of one rollout may name.

    Attributes:
        sharing: Those that may have a share.
        warm: Those that may be kept without one.
        may_be_empty: Whether no version may have a share.
        is_promotion: Whether the rollout ended in a promotion, which earlier ones may not undo.
    """

    sharing: frozenset[Bytes]
    warm: frozenset[Bytes]
    may_be_empty: bool
    is_promotion: bool


def newest_genuine(
    store: Store, model: str, *, folder: str = FOLDER, trust: StateTrust | None = None
) -> DesiredState | None:
    """Return the newest desired state of a model that a rollout wrote, or None.

    Where states have to be signed it is remembered, and goes on when the store has lost it.
    """
    for generation in reversed(list_numbers(store, f"{folder}/{model}")):
        found = judge_state(store, model, generation, folder=folder, trust=trust)
        if isinstance(found, DesiredState):
            if trust is not None:
                trust.remember(found, folder=folder)
            return found
        if found.is_replay:
            break
    return trust.followed_before(model, folder=folder) if trust is not None else None


def find_forgeries(
    store: Store, model: str, *, trust: StateTrust | None = None
) -> Iterator[Forgery]:
    """Yield the states of a model that no rollout wrote and that a newer one did not replace."""
    for folder in (FOLDER, BATCH_FOLDER):
        for generation in reversed(list_numbers(store, f"{folder}/{model}")):
            found = judge_state(store, model, generation, folder=folder, trust=trust)
            if isinstance(found, DesiredState):
                break
            yield found


def refused_states(
    model: str, *, store: Store, served: Served | None, trust: StateTrust | None
) -> list[str]:
    """Return a sentence about each state that is not followed, here or by the platform.

    Args:
        model: Name of the model.
        store: Store of states, leases and records.
        served: What the platform reports, which knows what it followed before; None: nothing.
        trust: Keys of this installation; None: signatures are not looked at.

    Raises:
        BadParameter: The trusted keys cannot be read.
    """
    found = [one.sentence for one in find_forgeries(store, model, trust=trust)]
    return list(dict.fromkeys([*found, *(served.refused if served else ())]))


def judge_state(
    store: Store,
    model: str,
    generation: int,
    *,
    folder: str = FOLDER,
    trust: StateTrust | None = None,
) -> DesiredState | Forgery:
    """Return a desired state if a rollout wrote it, else why it cannot have.

    Args:
        store: Store of states, leases and records.
        model: Name of the model.
        generation: Number of the state.
        folder: Folder of the states.
        trust: Keys of this installation; None: signatures are not looked at.

    Raises:
        BadParameter: The trusted keys cannot be read.
    """
    key = state_key(model, generation, folder=folder)
    try:
        state = read_desired(store, model, generation, folder=folder)
    except Tampered as error:
        return Forgery(key, f"does not hold a state ({error.found})")
    objection = trust.judge(state, folder=folder) if trust is not None else None
    if objection is not None:
        return Forgery(key, objection.reason, objection.mend, objection.is_replay)
    reason = _objection(store, state)
    return state if reason is None else Forgery(key, reason)


def _objection(store: Store, state: DesiredState) -> str | None:
    model, run = state.model, rollout_run(state.token)
    if not was_acquired(store, lease_name(model), state.token):
        return f"was written under lease {state.token}, which no rollout acquired"
    records = read_rollout(store, model, run)
    if not records and not count_attempts(store, RunRef(model, run, "reconcile")):
        return f"was written under lease {state.token}, and {run} never began"
    shares, warm = set(state.weights), set(state.keep)
    for named in _rollouts_behind(store, model, token=state.token):
        shares = {one for one in shares if not _is_among(state, one, named.sharing)}
        warm = {one for one in warm if not _is_among(state, one, named.warm)}
        if not shares and not warm and (state.weights or named.may_be_empty):
            return None
        if named.is_promotion:
            break
    if not shares and not warm:
        return f"takes every share away, which no record of {run} has"
    which = ", ".join(f"version {one}" for one in sorted(shares | warm))
    return f"names {which}, which no record of {run} has at this point"


def _is_among(state: DesiredState, version: int, named: frozenset[Bytes]) -> bool:
    meant = state.digests.get(version)
    return any(
        number == version and (None in {meant, sha256} or meant == sha256)
        for number, sha256 in named
    )


def _rollouts_behind(store: Store, model: str, *, token: int) -> Iterator[Named]:
    """Yield what the rollout of a state may have named, and those that it may have completed."""
    for number in range(token, max(0, token - ROLLOUTS_BEFORE - 1), -1):
        records = read_rollout(store, model, rollout_run(number))
        begun = records.get("reconcile")
        decided = (
            begun.verdict
            if begun is not None
            else find_decision(store, RunRef(model, rollout_run(number), "reconcile"))
        )
        if decided is not None and isinstance(decided.numbers.get("version"), int):
            yield name_versions(plan_of(model, decided, token=number), _verdicts(records))


def _verdicts(records: RolloutRecords) -> Mapping[str, Verdict]:
    return {stage: record.verdict for stage, record in records.items()}


def name_versions(plan: RolloutPlan, verdicts: Mapping[str, Verdict]) -> Named:
    """Return the versions that a state of a rollout may name; pure.

    Args:
        plan: The rollout.
        verdicts: Verdict by finished stage.
    """
    actions = {stage: verdict.action for stage, verdict in verdicts.items()}
    own = (plan.version, plan.digest)
    before = {
        (number, sha256)
        for number, sha256 in (
            (plan.fallback, plan.fallback_digest),
            (plan.standing, plan.champion_digest),
            (plan.served, plan.served_digest),
        )
        if number is not None
    }
    ways_back = {
        (number, sha256)
        for number, sha256 in (
            (plan.previous, plan.previous_digest),
            (plan.turned_away, plan.turned_away_digest),
        )
        if number is not None
    }
    is_promotion = actions.get("promote_champion") == PROMOTED
    is_open = not BLOCKED.intersection(actions.values())
    # A repair gives all traffic before it verifies, and has nothing to fall back to.
    may_serve = plan.action == "repair" or (is_open and actions.get("verify") == VERIFIED)
    candidate = {own} if may_serve else set()
    return Named(
        sharing=frozenset({own} if is_promotion else before | candidate),
        warm=frozenset(before | ways_back | candidate),
        may_be_empty=plan.fallback is None and not is_promotion,
        is_promotion=is_promotion,
    )
