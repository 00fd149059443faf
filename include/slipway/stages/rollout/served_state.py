"""Read what is served beside the aliases, and what the next deploy decides about a difference."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from slipway.errors import Denied, EditedByHand, NotFound, Tampered, Transient
from slipway.records.champion_history import PROMOTED as PROMOTION
from slipway.records.idempotent_stage import find_decision
from slipway.records.open_work import open_stages
from slipway.records.run_records import RunRef, find_record
from slipway.records.store import Store
from slipway.stages.ports.registry import Versions
from slipway.stages.rollout.complete_rollouts import is_unsettled
from slipway.stages.rollout.confirm_champion import confirm_champion
from slipway.stages.rollout.decide_rollout import decide_rollout
from slipway.stages.rollout.ledger_versions import newest_promoted_run
from slipway.stages.rollout.manual_edits import respect_edits
from slipway.stages.rollout.observe import observe
from slipway.stages.rollout.observed_state import ObservedState, RolloutDecision
from slipway.stages.rollout.plan import read_plan, rollout_number
from slipway.stages.rollout.platform import Served, ServedReader
from slipway.stages.rollout.version_outcome import has_planned_digest


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
        lost: Why that cannot be completed, and what serves then, as a clause; None: it can, or
            the registry is not known.
    """

    served: Served | None = None
    observed: ObservedState | None = None
    decision: RolloutDecision | None = None
    unknown: str | None = None
    stopped: str | None = None
    lost: str | None = None

    @property
    def served_instead(self) -> int | None:
        """The one version that takes every request and can answer, if it is not the champion."""
        observed = self.observed
        if observed is None or observed.champion is None or observed.served == observed.champion:
            return None
        return observed.served


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
        return ServedState(served, stopped=_stopped(store, model))
    try:
        observed = observe(model, store=store, registry=registry, platform=_Seen(served))
        decided = decide_rollout(observed, "challenger", model=model)
        decision = respect_edits(model, observed, decided)
        if decision.action == "nothing" and is_unsettled(store, model):
            decision = confirm_champion(store, model, observed) or decision
    except EditedByHand:
        return ServedState(served)
    stopped = _stopped(store, model)
    lost = None if stopped is None else _describe_loss(store, model, stopped, registry)
    return ServedState(served, observed, decision, stopped=stopped, lost=lost)


def _stopped(store: Store, model: str) -> str | None:
    """Run of a rollout whose stage has decided and has not recorded it.

    What a later promotion has passed over is not completed any more.
    """
    try:
        passed = rollout_number(newest_promoted_run(store, model) or "") or 0
    except Tampered:
        # No sweep completes anything beside a damaged ledger.
        return None
    stopped = (
        ref.run
        for ref in open_stages(store, model)
        if (rollout_number(ref.run) or 0) > passed
        and find_record(store, ref) is None
        and find_decision(store, ref) is not None
    )
    return next(stopped, None)


def _describe_loss(store: Store, model: str, run: str, registry: Versions) -> str | None:
    """Why a promotion that was decided cannot be carried out any more, or None."""
    decided = find_decision(store, RunRef(model, run, PROMOTION[0]))
    if decided is None or decided.action != PROMOTION[1]:
        return None
    plan = read_plan(store, model, run)
    with suppress(NotFound):
        if has_planned_digest(registry, plan):
            return None
    stays = plan.fallback is None and (plan.action == "repair" or plan.served_already)
    back = (
        "nothing serves then" if plan.fallback is None else f"version {plan.fallback} serves then"
    )
    why = f"MLflow has no version {plan.version} with the bytes that were verified"
    return f"{why}, and {'what serves stays' if stays else back}"


@dataclass(frozen=True)
class _Seen:
    """A platform's state that was read before."""

    state: Served | None

    def served(self, model: str) -> Served | None:
        """The state."""
        del model
        return self.state
