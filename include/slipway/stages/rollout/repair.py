"""Repair the traffic, then mark a canary that was asked back: it is not rolled out again."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from slipway.errors import NotFound
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.version_outcome import ROLLED_BACK, ROLLOUT_TAG

REPAIR = "repair"

TAKE_BACK, MARKED = "take_back", "marked"
"""Stage that tags a canary which a rollback took back, and the action of its verdict."""


def repair_traffic(
    model: str,
    attempt: Attempt,
    verdict: Verdict,
    *,
    platform: Platform,
    token: int,
) -> None:
    """Carry out a verdict `repair` of `reconcile`; no effect for any other action.

    It needs no MLflow; `mark_rolled_back` does.

    Args:
        model: Name of the model.
        attempt: Attempt at `reconcile`.
        verdict: Verdict with the numbers `version`, `previous` and `turned_away`.
        platform: What serves the model.
        token: Fencing token of whoever carries it out.

    Raises:
        Superseded: Another rollout took over.
        PlatformUnavailable: The traffic could not be changed.
    """
    if verdict.action != REPAIR:
        return
    numbers = verdict.numbers
    # The former previous champion stays warm, too, until this one was verified and switched to.
    pairs = [
        (numbers["version"], numbers.get("digest")),
        (numbers["previous"], numbers.get("previous_digest")),
        (numbers.get("turned_away"), numbers.get("turned_away_digest")),
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


def mark_rolled_back(context: RunContext, begun: RunRecord, *, registry: Registry) -> None:
    """Tag the canary that a rollback took back, as a stage of its own.

    Args:
        context: Store of the records, and origin.
        begun: Record of `reconcile`; nothing is done without the number `canary`.
        registry: Tags of versions.

    Raises:
        RegistryUnavailable: The registry does not answer; the next `reconcile` completes it.
        Superseded: Another attempt began.
    """
    canary = begun.verdict.numbers.get("canary")
    if not isinstance(canary, int):
        return
    reason = f"Version {canary} was taken back, and is rolled out again only by its number."
    verdict = Verdict(MARKED, reason, {"version": canary})
    perform(
        context,
        begun.ref.beside(TAKE_BACK),
        lambda _: verdict,
        inputs={"version": canary},
        carry_out=partial(tag_rolled_back, begun.ref.subject, registry=registry),
    )


def tag_rolled_back(model: str, attempt: Attempt, verdict: Verdict, *, registry: Registry) -> None:
    """Carry out a verdict of `take_back`.

    Args:
        model: Name of the model.
        attempt: Attempt at it.
        verdict: Verdict with the number `version`.
        registry: Tags of versions.

    Raises:
        RegistryUnavailable: The registry does not answer.
        Superseded: Another attempt began.
    """
    attempt.check()
    # A version that was deleted in the registry needs no tag.
    with suppress(NotFound):
        registry.tag(model, int(str(verdict.numbers["version"])), {ROLLOUT_TAG: ROLLED_BACK})
