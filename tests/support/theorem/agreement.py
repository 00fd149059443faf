"""What has to agree once a world is quiet: alias, traffic, ledger, lease, requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from slipway.records import ledger
from slipway.records.champion_history import champion_as_of
from slipway.records.leases import find_lease
from slipway.records.open_work import open_stages
from slipway.records.requests import accepted_unanswered
from slipway.stages.model.aliases import CHAMPION, PREVIOUS
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.ledger_versions import LedgerVersions
from slipway.stages.rollout.platform import Served
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLOUT_TAG
from tests.support.theorem.world import World

LATER = datetime(9999, 1, 1, tzinfo=UTC)


def disagreements(world: World) -> Iterator[str]:
    """What does not agree, in words."""
    store, model = world.store, world.spec.model
    lease = find_lease(store, lease_name(model))
    if lease is not None and not lease.released:
        yield f"the lease is held by {lease.holder}"
    for ref in open_stages(store, model):
        yield f"{ref.stage} of {ref.run} is open"
    anchor = world.registry.anchored(model)
    for broken in ledger.verify(store, model, anchor=anchor):
        yield f"the ledger: {broken.key} {broken.problem}"
    for request in accepted_unanswered(store, model):
        yield f"request {request.number} was accepted and is open"
    yield from _twice_given(world)
    yield from _traffic(world)


def _twice_given(world: World) -> Iterator[str]:
    given: dict[int, str] = {}
    for entry in ledger.read(world.store, world.spec.model):
        numbers = entry["fact"]["numbers"]
        version, sha256 = numbers.get("version"), numbers.get("digest")
        if (
            version is not None
            and sha256 is not None
            and given.setdefault(version, sha256) != sha256
        ):
            yield f"number {version} was given to two versions"


def _traffic(world: World) -> Iterator[str]:
    model = world.spec.model
    served = world.platform.served(model)
    entered = champion_as_of(world.store, model, LATER)
    if entered is None:
        return
    if served is None or served.version is None:
        yield f"nothing serves alone: {served}"
        return
    champion = world.registry.alias(model, CHAMPION)
    if champion is None or champion.tags.get(ROLLOUT_TAG) in BLOCKED:
        # A hand took the alias away, or gave it to a version that may not serve.
        return
    if served.version != champion.version:
        yield f"version {served.version} serves, version {champion.version} is champion"
    if served.digests.get(served.version) != champion.tags[DIGEST]:
        yield f"version {served.version} serves with other bytes than the champion's"
    yield from _way_back(world, served, champion)
    if entered.version != champion.version:
        yield f"the ledger says version {entered.version}, version {champion.version} is champion"


def _way_back(world: World, served: Served, champion: ModelVersion) -> Iterator[str]:
    """A rollback needs no MLflow: the previous champion of registry and ledger is warm."""
    model = world.spec.model
    previous = world.registry.alias(model, PREVIOUS)
    entered = LedgerVersions(world.store).alias(model, PREVIOUS)
    if previous is None or entered is None or served.version != champion.version:
        return
    is_moved_by_hand = previous.version == champion.version or previous.version != entered.version
    if is_moved_by_hand or previous.tags.get(ROLLOUT_TAG) in BLOCKED:
        return
    if previous.version not in {*served.keep, *served.weights}:
        yield f"version {previous.version} is previous, and only {served.keep} are warm"
