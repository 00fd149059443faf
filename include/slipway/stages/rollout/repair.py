"""Repair the traffic: every request to the champion; a canary that was asked back is marked."""

from __future__ import annotations

from contextlib import suppress

from slipway.errors import NotFound
from slipway.records.attempts import Attempt
from slipway.records.verdicts import Verdict
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.version_outcome import ROLLED_BACK, ROLLOUT_TAG

REPAIR = "repair"


def repair_traffic(
    model: str,
    attempt: Attempt,
    verdict: Verdict,
    *,
    registry: Registry,
    platform: Platform,
    token: int,
) -> None:
    """Carry out a verdict `repair` of `reconcile`; no effect for any other action.

    Args:
        model: Name of the model.
        attempt: Attempt at `reconcile`.
        verdict: Verdict with the numbers `version`, `previous` and `canary`.
        registry: Tags of versions.
        platform: What serves the model.
        token: Fencing token of whoever carries it out.

    Raises:
        Superseded: Another rollout took over.
        PlatformUnavailable: The traffic could not be changed.
        RegistryUnavailable: The registry does not answer.
    """
    if verdict.action != REPAIR:
        return
    numbers = verdict.numbers
    pairs = [
        (numbers["version"], numbers.get("digest")),
        (numbers["previous"], numbers.get("previous_digest")),
    ]
    versions = [one for one, _ in pairs if isinstance(one, int)]
    digests = {one: str(sha256) for one, sha256 in pairs if isinstance(one, int) and sha256}
    attempt.check()
    platform.apply(
        model,
        weights={versions[0]: 1.0},
        keep=versions[1:],
        token=token,
        digests=digests,
        is_urgent=True,
    )
    canary = numbers.get("canary")
    if isinstance(canary, int):
        attempt.check()
        # A version that was deleted in the registry needs no tag.
        with suppress(NotFound):
            registry.tag(model, canary, {ROLLOUT_TAG: ROLLED_BACK})
