"""Report a model's status: aliases, traffic, open requests, newest verdicts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from slipway.errors import Denied, Tampered, Transient
from slipway.records import ledger, requests
from slipway.records.landing_area import list_undeliverable
from slipway.stages.model.provenance import format_source
from slipway.stages.model.registry_losses import LossRegistry, RegistryLoss, find_losses
from slipway.stages.report.damage import describe_damage
from slipway.stages.report.model_state import ValidSpecs, as_decided
from slipway.stages.report.pending_request import describe_pending
from slipway.stages.report.version_engine import VersionEngine
from slipway.stages.report.waiting import describe_waiting
from slipway.stages.rollout.foreign_versions import find_foreign
from slipway.stages.rollout.genuine_state import refused_states
from slipway.stages.rollout.lease import describe_forged_lease
from slipway.stages.rollout.served_difference import describe_other_version
from slipway.stages.rollout.served_state import read_served_state
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLOUT_TAG

if TYPE_CHECKING:
    from slipway.records.requests import Request
    from slipway.records.store import Store
    from slipway.spec.deployment_targets import TargetName
    from slipway.spec.retraining import Retraining
    from slipway.stages.ports.registry import ModelVersion
    from slipway.stages.rollout.platform import Served, ServedReader
    from slipway.stages.rollout.signed_states import StateTrust

ALIASES = ("champion", "challenger", "previous")
ENTRIES_LOOKED_AT = 100


@dataclass(frozen=True)
class LastVerdict:
    """The newest verdict of one stage.

    Attributes:
        stage: Its name.
        action: Action of the verdict.
        reason: Reason of the verdict.
        run: Its run.
        at: Wall time, ISO 8601, UTC.
    """

    stage: str
    action: str
    reason: str
    run: str
    at: str


@dataclass(frozen=True)
class OpenRequest:
    """A retrain request that has no answer yet.

    Attributes:
        number: Counts from 1 within the model.
        kind: Kind of the requester.
        reason: Reason of the request.
        state: `waiting` for the policy, or `accepted`.
    """

    number: int
    kind: str
    reason: str
    state: str


@dataclass(frozen=True)
class Status:
    """Status of one model.

    Attributes:
        model: Its name.
        aliases: Version by alias, None where there is none; empty while the registry does not
            answer.
        engines: Engine of each of those versions.
        weights: Share of the traffic by version that is served, empty when nothing is; None while
            the platform does not answer.
        failing: Versions with a share whose server cannot answer.
        requests: Retrain requests without an answer.
        verdicts: The newest verdict of each stage, newest first.
        unknown: Errors of unavailable services.
        target: Deployment target in its spec.
        sources: Source of each of those versions that was imported.
        edited: Manual edits of the served objects, with their field managers; None without any.
        undeliverable: What lies in the landing area of its dataset and cannot be a delivery.
        lost: Versions that the ledger has under an alias, and the registry no longer does.
        foreign: A sentence about each alias that no entered record put where it is.
        spec_problem: Problem of its specs; None while they are valid.
        blocked: Outcome of the last rollout of each version that is not rolled out by itself.
        waiting: A sentence about each rollout that waits for another one.
        difference: How the version that serves differs from the champion, and what the next deploy
            does about it; None without a difference.
        signatures: By which key each of those versions is signed, or why it is refused.
        forged: A sentence about each desired state, and lease, that no rollout wrote.
        damaged: A sentence about each damaged entry of the newest ones of the ledger.
    """

    model: str
    aliases: Mapping[str, int | None]
    engines: Mapping[int, VersionEngine]
    weights: Mapping[int, float] | None
    failing: tuple[int, ...]
    requests: tuple[OpenRequest, ...]
    verdicts: tuple[LastVerdict, ...]
    unknown: tuple[str, ...] = ()
    target: TargetName = "local"
    edited: str | None = None
    sources: Mapping[int, str] = field(default_factory=dict)
    undeliverable: tuple[str, ...] = ()
    lost: tuple[RegistryLoss, ...] = ()
    foreign: tuple[str, ...] = ()
    spec_problem: str | None = None
    blocked: Mapping[int, str] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    difference: str | None = None
    retraining: str | None = None
    signatures: Mapping[int, str] = field(default_factory=dict)
    forged: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        return asdict(self)


def status(
    model: str,
    *,
    store: Store,
    registry: LossRegistry,
    platform: ServedReader,
    target: TargetName = "local",
    dataset: str | None = None,
    streams: Collection[str] = ("features", "labels"),
    spec_problem: str | None = None,
    valid: ValidSpecs = "both",
    policy: Retraining | None = None,
    signature_of: Callable[[ModelVersion], str | None] | None = None,
    trust: StateTrust | None = None,
) -> Status:
    """Report the status of one model; an unavailable service is named and hides nothing else.

    Args:
        model: Its name.
        store: Store of requests and ledger.
        registry: Aliases and versions.
        platform: Reads the served traffic.
        target: Deployment target in its spec.
        dataset: Its dataset, if that is delivered to the landing area.
        streams: Streams of the dataset that have files of their own.
        spec_problem: Problem of its specs.
        valid: Which of its specs are valid.
        policy: Its rules for retraining; None: its spec is not known.
        signature_of: Describes the signature of a version; None: it is not told.
        trust: Keys that have to have signed desired states; None: they are not looked at.

    Raises:
        StoreUnavailable: The store does not answer.
    """
    unknown = []
    aliases: dict[str, int | None] = {}
    engines: dict[int, VersionEngine] = {}
    sources, signatures, blocked = dict[int, str](), dict[int, str](), dict[int, str]()
    lost: list[RegistryLoss] = []
    foreign: tuple[str, ...] = ()
    served: Served | None = None
    weights: Mapping[int, float] | None = None
    difference: str | None = None
    damage: Tampered | None = None
    try:
        found = {alias: registry.alias(model, alias) for alias in ALIASES}
        aliases = {alias: one.version if one else None for alias, one in found.items()}
        engines = {one.version: VersionEngine.of(one.tags) for one in found.values() if one}
        origins = {one.version: format_source(one.tags) for one in found.values() if one}
        signatures = _signatures(found.values(), signature_of)
        sources = {version: origin for version, origin in origins.items() if origin is not None}
        outcomes = {one.version: one.tags.get(ROLLOUT_TAG, "") for one in found.values() if one}
        blocked = {version: one for version, one in outcomes.items() if one in BLOCKED}
        lost = find_losses(model, store=store, registry=registry)
        foreign = tuple(one.sentence for one in find_foreign(registry, model))
        traffic = read_served_state(model, store=store, registry=registry, platform=platform)
        difference = describe_other_version(as_decided(traffic, valid))
    except Transient as error:
        unknown.append(error.message)
    except Tampered as error:
        damage = error
    entries = list(islice(ledger.newest_first(store, model, damaged="mark"), ENTRIES_LOOKED_AT))
    try:
        served = platform.served(model)
        weights = dict(served.weights) if served else {}
    except (Denied, Transient) as error:
        unknown.append(error.message)
    return Status(
        model=model,
        aliases=aliases,
        engines=engines,
        weights=weights,
        failing=_failing(served) if served else (),
        requests=_requests(store, model),
        verdicts=_last_verdicts(entries),
        unknown=tuple(unknown),
        target=target,
        edited=served.edited if served else None,
        sources=sources,
        signatures=signatures,
        undeliverable=tuple(map(str, list_undeliverable(store, dataset, streams=streams)))
        if dataset
        else (),
        lost=tuple(lost),
        foreign=foreign,
        spec_problem=spec_problem,
        blocked=blocked,
        difference=difference,
        waiting=tuple(describe_waiting(store, model, now=datetime.now(UTC))),
        retraining=describe_pending(store, model, policy),
        forged=(
            *refused_states(model, store=store, served=served, trust=trust),
            *filter(None, [describe_forged_lease(store, model, now=datetime.now(UTC))]),
        ),
        damaged=tuple(describe_damage(model, entries, damage)),
    )


def _signatures(
    versions: Iterable[ModelVersion | None],
    signature_of: Callable[[ModelVersion], str | None] | None,
) -> dict[int, str]:
    if signature_of is None:
        return {}
    told = {one.version: signature_of(one) for one in versions if one}
    return {number: one for number, one in told.items() if one is not None}


def _failing(served: Served) -> tuple[int, ...]:
    return tuple(one for one in served.weights if not served.healthy.get(one, False))


def _requests(store: Store, model: str) -> tuple[OpenRequest, ...]:
    def open_request(request: Request, state: str) -> OpenRequest:
        return OpenRequest(request.number, request.kind, request.reason, state)

    return (
        *(open_request(one, "accepted") for one in requests.accepted_unanswered(store, model)),
        *(open_request(one, "waiting") for one in requests.open_requests(store, model)),
    )


def _last_verdicts(entries: Iterable[Mapping[str, Any]]) -> tuple[LastVerdict, ...]:
    newest: dict[str, LastVerdict] = {}
    for entry in entries:
        fact = entry["fact"]
        if "stage" in fact and fact["stage"] not in newest:
            newest[fact["stage"]] = LastVerdict(
                stage=fact["stage"],
                action=fact.get("action", ""),
                reason=fact.get("reason", ""),
                run=fact.get("run", ""),
                at=entry["at"],
            )
    return tuple(newest.values())
