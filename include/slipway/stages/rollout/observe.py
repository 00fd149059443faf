"""Observe a model's aliases and traffic, for the decision which rollout is needed."""

from __future__ import annotations

from slipway.errors import NotFound
from slipway.records.run_records import RunRef, find_record
from slipway.records.store import Store
from slipway.records.verified_versions import was_verified
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion, Versions
from slipway.stages.rollout.manual_edits import require_unedited
from slipway.stages.rollout.observed_state import ObservedState
from slipway.stages.rollout.plan import RolloutPlan, read_plan, rollout_run
from slipway.stages.rollout.platform import Served, ServedReader
from slipway.stages.rollout.rollout_records import has_ended, read_rollout
from slipway.stages.rollout.served_before import has_served
from slipway.stages.rollout.version_outcome import (
    BLOCKED,
    ROLLED_BACK,
    ROLLOUT_TAG,
    SERVED,
    SERVING,
)


def observe(
    model: str, *, store: Store, registry: Versions, platform: ServedReader, to: str = "challenger"
) -> ObservedState:
    """Observe a model's aliases and traffic.

    Args:
        model: Name of the model.
        store: Records of rollouts and verifications.
        registry: Aliases and tags of versions.
        platform: What serves the model.
        to: What was asked for; of a version's number, the digest is observed too.

    Raises:
        NotFound: The registry has no version of the number that was asked for.
        PlatformUnavailable: The platform does not answer.
        RegistryUnavailable: The registry does not answer.
        EditedByHand: The routing was edited by hand.
    """
    named = {
        alias: registry.alias(model, alias) for alias in ("champion", "previous", "challenger")
    }
    requested = registry.version(model, int(to)) if to.isdecimal() else None
    served = platform.served(model)
    if served is not None and served.has_edited_traffic:
        require_unedited(model, served)
    outcomes = {one.version: one.tags.get(ROLLOUT_TAG) for one in named.values() if one}
    gone, plan = [], _unfinished(store, model, served)
    for version in sorted(served.weights if served else ()):
        if version not in outcomes:
            try:
                outcomes[version] = registry.version(model, version).tags.get(ROLLOUT_TAG)
            except NotFound:
                gone.append(version)
    return ObservedState(
        **{alias: found.version if found else None for alias, found in named.items()},
        blocked={
            one: outcome
            for one, outcome in outcomes.items()
            if outcome in BLOCKED and not _is_way_back(named["previous"], one, store=store)
        },
        served=served.version if served else None,
        unfinished=(plan.action, plan.version) if plan and _may_run(plan, served) else None,
        sharing=tuple(sorted(served.weights)) if served and len(served.weights) > 1 else (),
        edited=served.edited if served else None,
        registered={
            one.version: one.tags[DIGEST]
            for one in (*named.values(), requested)
            if one and DIGEST in one.tags
        },
        gone=tuple(gone),
        fallback=plan.fallback if plan else None,
        running=served.digests if served else {},
        unserved=served.unserved if served else (),
        is_starting=served is not None and served.is_starting,
        kept=served.keep if served else (),
        candidates=served.candidates if served else (),
        unverified=tuple(
            sorted(
                one.version
                for alias, one in named.items()
                if one and alias != "challenger" and not _is_known(one, served, store=store)
            )
        ),
    )


def _is_known(version: ModelVersion, served: Served | None, *, store: Store) -> bool:
    """Whether a version runs, was verified, or served before verifications were remembered."""
    sha256 = version.tags.get(DIGEST)
    is_running = served is not None and version.version in {*served.healthy, *served.weights}
    if is_running or sha256 is None or version.tags.get(ROLLOUT_TAG) in {SERVING, SERVED}:
        return True
    return was_verified(store, version.model, sha256)


def _is_way_back(previous: ModelVersion | None, version: int, *, store: Store) -> bool:
    """Whether a version is the previous champion, tagged by a rollback to it that failed.

    Such a tag does not close the way back; that of a version that was rolled back does.
    """
    if previous is None or previous.version != version:
        return False
    tags = previous.tags
    return tags.get(ROLLOUT_TAG) != ROLLED_BACK and has_served(
        store, previous.model, version, sha256=tags.get(DIGEST)
    )


def _may_run(plan: RolloutPlan, served: Served | None) -> bool:
    """Whether what runs under the number of a rollout's version is that version, if anything is."""
    here = served.digests.get(plan.version) if served else None
    return None in {here, plan.digest} or here == plan.digest


def _unfinished(store: Store, model: str, served: Served | None) -> RolloutPlan | None:
    if served is None:
        return None
    run = rollout_run(served.token)
    if find_record(store, RunRef(model, run, "reconcile")) is None:
        return None
    if has_ended(read_rollout(store, model, run)):
        return None
    return read_plan(store, model, run)
