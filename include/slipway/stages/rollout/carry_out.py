"""Carry out what a stage of a rollout has decided: traffic first, then the version's tags, aliases.

Each stage stores its decision before any of this. A decision whose process was killed is carried
out by the next `reconcile`, with the same function and that rollout's newer fencing token.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

from slipway.errors import NotFound, RegistryUnavailable, RolloutRefused, Tampered
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import CarryOut
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.records.verified_versions import remember_verified
from slipway.stages.model.aliases import CHALLENGER, CHAMPION, PREVIOUS
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.fallback import restore_fallback
from slipway.stages.rollout.lease import renew_lease
from slipway.stages.rollout.ledger_versions import newest_promotions
from slipway.stages.rollout.plan import RolloutPlan
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.served_before import is_return
from slipway.stages.rollout.turned_away import has_bytes, may_return, read_turned_away
from slipway.stages.rollout.version_outcome import (
    BLOCKED,
    PROMOTED,
    ROLLED_BACK,
    ROLLOUT_TAG,
    SERVED,
    SERVING,
    VERIFIED,
    has_planned_digest,
    tag_version,
)

FORMER_TAGGED = 5
"""So many former champions have their tag set right at each promotion."""

RESIDENT_MIB = "slipway.resident_mib"
COLD_START_S = "slipway.cold_start_s"

MEASURED = {RESIDENT_MIB: "resident_mib", COLD_START_S: "cold_start_s"}
"""Tags of what `verify` measures of a server, with their names among its numbers."""


def carry_out(
    plan: RolloutPlan,
    verdict: Verdict,
    *,
    attempt: Attempt,
    registry: Registry,
    platform: Platform,
    token: int,
) -> None:
    """Carry out the verdict of one stage; a repeat changes nothing.

    Args:
        plan: The rollout.
        verdict: Verdict of its verify, shift, switch or promote_champion.
        attempt: Attempt at that stage.
        registry: Aliases and tags.
        platform: What serves the model.
        token: Fencing token of whoever carries it out.

    Raises:
        Superseded: Another rollout took over, or another attempt began.
        NotFound: A version that was promoted is not in the registry any more.
        RolloutRefused: The number of a version that was promoted belongs to other bytes.
        PlatformUnavailable: The traffic could not be changed.
        RegistryUnavailable: The registry does not answer.
    """
    if verdict.action in BLOCKED:
        take_back(plan, attempt=attempt, platform=platform, token=token)
    # A repaired champion serves already; a tag would only block its return.
    if verdict.action in {*BLOCKED, VERIFIED} and plan.action != "repair":
        attempt.check()
        # A version that was deleted in the registry needs no tag, and a roll-back does not wait
        # for MLflow.
        with suppress(NotFound, *([RegistryUnavailable] if plan.is_urgent else [])):
            if not _keeps_its_tag(plan, verdict, store=attempt.store, registry=registry):
                sizes = _sizes(plan, verdict, registry)
                tag_version(registry, plan, {ROLLOUT_TAG: verdict.action, **sizes})
    if verdict.action == VERIFIED and plan.digest is not None:
        remember_verified(attempt.store, attempt.ref, version=plan.version, sha256=plan.digest)
    if verdict.action == PROMOTED:
        attempt.check()
        if plan.action == "roll_back":
            # The rolled-back version must not answer, not even as a fallback.
            platform.apply(
                plan.model,
                weights={plan.version: 1.0},
                keep=(),
                token=token,
                digests=plan.digests(),
                is_urgent=True,
            )
            attempt.check()
        _move_aliases(plan, verdict, registry)
        _tag_former_champions(plan, verdict, store=attempt.store, registry=registry)


def carried_out_by_holder(
    store: Store, plan: RolloutPlan, *, registry: Registry, platform: Platform
) -> CarryOut:
    """Return what carries out verdicts for the rollout itself, as long as it holds its lease."""

    def act(attempt: Attempt, verdict: Verdict) -> None:
        renew_lease(store, plan)
        carry_out(
            plan, verdict, attempt=attempt, registry=registry, platform=platform, token=plan.token
        )

    return act


def take_back(plan: RolloutPlan, *, attempt: Attempt, platform: Platform, token: int) -> None:
    """Route every request to the version that served before, unless that changes nothing.

    A repair has no such version: its own is the champion.

    Raises:
        Superseded: Another rollout took over, or another attempt began.
        PlatformUnavailable: The traffic could not be changed.
    """
    if plan.action == "repair":
        return
    if attempt.ref.stage == "verify":
        # A candidate has no share yet, unless an unfinished rollout left it one.
        served = platform.served(plan.model)
        if served is None or plan.version not in served.weights:
            return
    attempt.check()
    restore_fallback(plan, platform, token=token)


def require_registered(plan: RolloutPlan, registry: Registry) -> None:
    """Raise unless the registry still has the version that was verified under its number.

    Raises:
        NotFound: The registry has no such version.
        RolloutRefused: Its number belongs to other bytes by now.
    """
    if not has_planned_digest(registry, plan):
        raise RolloutRefused(
            f"version {plan.version} of {plan.model} cannot become champion",
            expected=f"the version that was verified, sha256 {plan.digest}",
            found="another one under its number in the registry",
            hint="no alias has moved; the next reconcile treats it as a new candidate",
        )


def find_lost_candidate(plan: RolloutPlan, registry: Registry) -> str | None:
    """Return why a version may not take all traffic though it was verified, as a sentence.

    Raises:
        RegistryUnavailable: The registry does not answer, and this is no roll-back.
    """
    try:
        require_registered(plan, registry)
    except (NotFound, RolloutRefused) as error:
        kept = "nothing" if plan.fallback is None else f"version {plan.fallback}"
        return f"Version {plan.version} was taken back, {kept} serves: {error.message}."
    except RegistryUnavailable:
        if not plan.is_urgent:
            raise
    return None


def _move_aliases(plan: RolloutPlan, verdict: Verdict, registry: Registry) -> None:
    """Move aliases by the recorded plan and verdict; the champion comes last."""
    require_registered(plan, registry)
    away = read_turned_away(plan, verdict)
    if plan.action == "roll_back":
        # A version that was deleted in the registry, or is another one now, needs no tag.
        if away is not None and has_bytes(registry, plan.model, away):
            registry.tag(plan.model, away.version, {ROLLOUT_TAG: ROLLED_BACK})
        _free_alias(plan, PREVIOUS, registry)
    elif away is not None and may_return(registry, plan.model, away):
        registry.set_alias(plan.model, PREVIOUS, away.version)
    _free_alias(plan, CHALLENGER, registry)
    registry.tag(plan.model, plan.version, {ROLLOUT_TAG: SERVING})
    registry.set_alias(plan.model, CHAMPION, plan.version)


def _tag_former_champions(
    plan: RolloutPlan, verdict: Verdict, *, store: Store, registry: Registry
) -> None:
    """Tag the former champions as served before: one version is `serving`, and people see it."""
    away = read_turned_away(plan, verdict) if plan.action == "roll_back" else None
    others = {plan.version, away and away.version}
    promoted = (version for version, _ in newest_promotions(store, plan.model))
    former = dict.fromkeys(one for one in promoted if one not in others)
    for version in islice(former, FORMER_TAGGED):
        with suppress(NotFound):
            tag = registry.version(plan.model, version).tags.get(ROLLOUT_TAG)
            if tag in {SERVING, SERVED}:
                registry.tag(plan.model, version, {ROLLOUT_TAG: SERVED})


def _free_alias(plan: RolloutPlan, alias: str, registry: Registry) -> None:
    """Remove an alias that the version has no more once it is champion.

    Raises:
        Tampered: The ledger is damaged, and this is no rollback, which goes on beside that.
    """
    try:
        found = registry.alias(plan.model, alias)
    except Tampered:
        if not plan.is_urgent:
            raise
        return
    if found is not None and found.version == plan.version:
        registry.delete_alias(plan.model, alias)


def _keeps_its_tag(
    plan: RolloutPlan, verdict: Verdict, *, store: Store, registry: Registry
) -> bool:
    """Whether a return to a version that served before leaves its tag as it was.

    A way back that fails stays open: its failure may have passed, and a tag would block the next
    rollback. Only a tag that blocked it before is replaced, by `verified`, and then by a failure.
    """
    if not is_return(store, plan):
        return False
    tag = registry.version(plan.model, plan.version).tags.get(ROLLOUT_TAG)
    return tag != VERIFIED if verdict.action in BLOCKED else tag not in BLOCKED


def _sizes(plan: RolloutPlan, verdict: Verdict, registry: Registry) -> dict[str, str]:
    """Memory and cold start of the version's server, as tags, unless they are known.

    Measured once and never in a roll-back: its warm servers would be replaced if they requested
    other resources.
    """
    sizes = {
        tag: f"{value:.1f}"
        for tag, name in MEASURED.items()
        if isinstance(value := verdict.numbers.get(name), float) and value > 0
    }
    if plan.is_urgent or not sizes:
        return {}
    known = registry.version(plan.model, plan.version).tags
    return {tag: size for tag, size in sizes.items() if tag not in known}
