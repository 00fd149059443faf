"""Read the state of a model from its store, registry and platform, whichever of them answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from slipway.errors import BadParameter, NotFound, Tampered, Transient
from slipway.records import ledger, requests
from slipway.records.champion_history import kind_of_fact
from slipway.records.leases import find_lease
from slipway.stages.model.aliases import CHALLENGER, CHAMPION, PREVIOUS
from slipway.stages.model.registry_losses import LossRegistry, RegistryLoss, find_losses
from slipway.stages.report.damage import describe_damage
from slipway.stages.report.pending_request import describe_pending
from slipway.stages.report.signatures import refused_signatures
from slipway.stages.report.waiting import describe_waiting
from slipway.stages.rollout.foreign_versions import find_foreign
from slipway.stages.rollout.genuine_state import refused_states
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.plan import RolloutPlan, read_plan, rollout_run
from slipway.stages.rollout.served_state import ServedState, read_served_state

if TYPE_CHECKING:
    from slipway.records.requests import Answer, Decision, Request
    from slipway.records.store import Store
    from slipway.spec.retraining import Retraining
    from slipway.stages.ports.registry import ModelVersion
    from slipway.stages.rollout.foreign_alias import ForeignAlias
    from slipway.stages.rollout.platform import ServedReader
    from slipway.stages.rollout.signed_states import StateTrust

Entry = Mapping[str, Any]
ValidSpecs = Literal["both", "model", "none"]
"""Which specs are valid: of model and dataset, of the model alone, or not even that."""


@dataclass(frozen=True)
class NewestRequest:
    """The newest retrain request, with what became of it."""

    request: Request
    decision: Decision | None
    answer: Answer | None


@dataclass(frozen=True)
class ModelState:
    """State of a model.

    Attributes:
        model: Its name.
        named: Version by alias, None where there is none; empty while the registry does not answer.
        traffic: What is served, and what the next deploy decides.
        losses: Versions that the registry lost.
        foreign: Aliases that no entered record put where they are.
        unusable: Why the signature of a version with an alias does not count, by version.
        refused: A sentence about each newer desired state that is not followed.
        outage: Why the aliases are not known; None when they are.
        damage: A sentence about each damaged entry of the ledger.
        is_stopped: Whether one of them keeps rollouts from beginning.
        rollout: Rollout that holds the lease; None without one.
        in_flight: Accepted request without an answer; None without one.
        newest_request: The newest request; None without one.
        entries: Its ledger, oldest first.
        valid: Which of its specs are valid now.
        waiting: A sentence about each rollout that waits for another one.
        pending: A sentence about the newest request that is undecided, or suppressed and due.
    """

    model: str
    named: Mapping[str, ModelVersion | None] = field(default_factory=dict)
    traffic: ServedState = field(default_factory=ServedState)
    losses: Sequence[RegistryLoss] = ()
    foreign: Sequence[ForeignAlias] = ()
    unusable: Mapping[int, str] = field(default_factory=dict)
    refused: Sequence[str] = ()
    outage: str | None = None
    damage: Sequence[str] = ()
    is_stopped: bool = False
    rollout: RolloutPlan | None = None
    in_flight: Request | None = None
    newest_request: NewestRequest | None = None
    entries: Sequence[Entry] = ()
    valid: ValidSpecs = "both"
    waiting: Sequence[str] = ()
    pending: str | None = None

    @property
    def champion(self) -> ModelVersion | None:
        """Champion by alias."""
        return self.named.get(CHAMPION)

    @property
    def challenger(self) -> ModelVersion | None:
        """Challenger by alias."""
        return self.named.get(CHALLENGER)

    @property
    def lost_champion(self) -> RegistryLoss | None:
        """Loss of the champion."""
        return next((loss for loss in self.losses if loss.alias == CHAMPION), None)

    @property
    def version(self) -> int | None:
        """Number of the version that reports are about: the champion, else the lost or served."""
        if self.champion is not None:
            return self.champion.version
        if self.lost_champion is not None:
            return self.lost_champion.version
        shares = self.traffic.served.weights if self.traffic.served else {}
        return max(shares, key=shares.__getitem__, default=None)

    def about(self, version: int | None, *kinds: tuple[str, str]) -> Iterator[Entry]:
        """Ledger entries with one of some stages and actions, newest first.

        Args:
            version: Version that they are about; None: any.
            kinds: Stages with their actions.
        """
        for entry in self.entries[::-1]:
            is_kind = kind_of(entry) in kinds
            if is_kind and (version is None or numbers_of(entry).get("version") == version):
                yield entry


def kind_of(entry: Entry) -> tuple[str, str]:
    """Return stage and action of a ledger entry; empty where it has none."""
    return kind_of_fact(entry["fact"])


def numbers_of(entry: Entry) -> Mapping[str, Any]:
    """Return the numbers of a ledger entry."""
    numbers: Mapping[str, Any] = entry["fact"].get("numbers", {})
    return numbers


def moment_of(entry: Entry) -> str:
    """Return when a ledger entry was made, to the minute."""
    return f"{datetime.fromisoformat(entry['at']):%Y-%m-%d %H:%M} UTC"


def read_model_state(
    model: str,
    *,
    store: Store,
    registry: LossRegistry,
    platform: ServedReader,
    valid: ValidSpecs = "both",
    policy: Retraining | None = None,
    signature_of: Callable[[ModelVersion], str | None] | None = None,
    trust: StateTrust | None = None,
) -> ModelState:
    """Read a model's state; an outage of registry or platform hides nothing else.

    Args:
        model: Its name.
        store: Store of ledger, requests and leases.
        registry: Aliases and versions.
        platform: Reads the served traffic.
        valid: Which of the specs of the model and its dataset are valid now.
        policy: The model's rules for retraining; None: its spec is not known.
        signature_of: Describes the signature of a version; None: it is not looked at.
        trust: Keys that have to have signed desired states; None: they are not looked at.

    Raises:
        StoreUnavailable: The store does not answer.
        BadParameter: The trusted keys cannot be read.
    """
    named: dict[str, ModelVersion | None] = {}
    losses: list[RegistryLoss] = []
    foreign: Sequence[ForeignAlias] = ()
    unusable: Mapping[int, str] = {}
    outage: str | None = None
    damage: Tampered | None = None
    try:
        named = {alias: registry.alias(model, alias) for alias in (CHAMPION, CHALLENGER, PREVIOUS)}
        losses = find_losses(model, store=store, registry=registry)
        foreign = find_foreign(registry, model)
        unusable = refused_signatures(named.values(), signature_of)
        traffic = read_served_state(model, store=store, registry=registry, platform=platform)
    except (Transient, Tampered) as error:
        named, losses, foreign, outage = {}, [], (), error.message
        damage = error if isinstance(error, Tampered) else None
        traffic = read_served_state(model, store=store, registry=None, platform=platform)
    shares = traffic.served.weights if traffic.served else {}
    entries = ledger.read(store, model, damaged="mark")
    return ModelState(
        model=model,
        named=named,
        traffic=as_decided(traffic, valid),
        # A rollout that has not recorded its end takes the aliases of the version that it serves.
        losses=[one for one in losses if one.alias == CHAMPION or one.version not in shares],
        foreign=foreign,
        unusable=unusable,
        refused=refused_states(model, store=store, served=traffic.served, trust=trust),
        outage=outage,
        damage=tuple(describe_damage(model, entries, damage)),
        is_stopped=damage is not None,
        rollout=_rollout_in_progress(store, model),
        in_flight=requests.in_flight(store, model),
        newest_request=_newest_request(store, model),
        entries=entries,
        valid=valid,
        waiting=describe_waiting(store, model, now=datetime.now(UTC)),
        pending=describe_pending(store, model, policy),
    )


def as_decided(traffic: ServedState, valid: ValidSpecs) -> ServedState:
    """Return what is really decided: without valid specs only a repair is carried out; pure."""
    decided = traffic.decision
    is_repair = decided is not None and decided.action == "repair"
    if valid == "both" or (valid == "model" and is_repair):
        return traffic
    return replace(traffic, decision=None)


def _rollout_in_progress(store: Store, model: str) -> RolloutPlan | None:
    lease = find_lease(store, lease_name(model))
    if lease is None or not lease.is_open(datetime.now(UTC)):
        return None
    try:
        return read_plan(store, model, rollout_run(lease.number))
    except (BadParameter, NotFound):
        # It has not decided yet, or has decided that there is nothing to do.
        return None


def _newest_request(store: Store, model: str) -> NewestRequest | None:
    every = requests.all_requests(store, model)
    if not every:
        return None
    request = every[-1]
    decision = requests.find_decision(store, request)
    return NewestRequest(request, decision, requests.find_answer(store, request))
