"""Check whether a version of another environment is eligible for import; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EligibilityFacts:
    """Facts that eligibility depends on, before the gates.

    Attributes:
        source: Name of the source.
        version: Number of the version at the source.
        sha256: Digest of its manifest.
        missing: Evidence that it lacks.
        misfits: Differences from the spec here.
        known: Number of the version here with the same digest; None: there is none.
        is_own: Whether that one was trained here.
        blocked: Outcome of its last rollout here, if that blocks another one.
        is_champion: Whether that one is champion.
        is_ready: Whether that one is challenger and was compared with the present champion.
        waiting: Another challenger here that may be rolled out.
        replace: Whether the version replaces that challenger.
        lost: Loss of the champion here, in sentences; None: there is one, or none was promoted.
        without_champion: Whether the gates may leave a lost champion out.
    """

    source: str
    version: int
    sha256: str
    missing: tuple[str, ...] = ()
    misfits: tuple[str, ...] = ()
    known: int | None = None
    is_own: bool = False
    blocked: str | None = None
    is_champion: bool = False
    is_ready: bool = False
    waiting: int | None = None
    replace: bool = False
    lost: str | None = None
    without_champion: bool = False


@dataclass(frozen=True)
class EligibilityDecision:
    """Decision on the version, and its reason."""

    action: Literal["regate", "known", "refused"]
    reason: str = ""


def check_eligibility(facts: EligibilityFacts) -> EligibilityDecision:
    """Decide whether a version is gated here, known already, or refused; pure."""
    what = f"Version {facts.version} of {facts.source}"
    if facts.missing:
        return EligibilityDecision(
            "refused", f"{what} has not passed there: {'; '.join(facts.missing)}."
        )
    if facts.misfits:
        return EligibilityDecision(
            "refused", f"{what} does not fit the spec: {'; '.join(facts.misfits)}."
        )
    if facts.known is not None:
        same = f"{what} is version {facts.known} here, byte for byte, and that"
        known = _decide_known(facts)
        if known is not None:
            return EligibilityDecision(known.action, f"{same} {known.reason}.")
    if facts.lost is not None and not facts.without_champion:
        nothing = f"{what} can be compared with no champion here"
        return EligibilityDecision(
            "refused", f"{nothing}; `--without-champion` leaves it out. {facts.lost}"
        )
    if facts.waiting is not None and not facts.replace:
        waits = f"version {facts.waiting} is challenger here and waits for its rollout"
        return EligibilityDecision(
            "refused", f"{what} has to wait: {waits}; `--replace` takes its place."
        )
    return EligibilityDecision("regate")


def _decide_known(facts: EligibilityFacts) -> EligibilityDecision | None:
    """Decision on a version that is here already; None: gate it again."""
    if facts.is_champion:
        return EligibilityDecision("known", "is champion")
    if facts.blocked is not None:
        was = facts.blocked.replace("_", " ")
        return EligibilityDecision(
            "refused", f"was {was} before; its number as `to` of a rollout overrides that"
        )
    if facts.is_own:
        return EligibilityDecision("refused", "was trained here; its number as `to` rolls it out")
    return EligibilityDecision("known", "is challenger") if facts.is_ready else None
