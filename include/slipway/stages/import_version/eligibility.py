"""Whether a version of another environment may be weighed here; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EligibilityFacts:
    """What a decision may look at, before the gates.

    Attributes:
        source: What records call the source.
        version: The version's number there.
        sha256: Digest of its manifest.
        missing: What its evidence lacks.
        misfits: In what it differs from the spec here.
        known: Number of the version here that has the same bytes; None: there is none.
        is_own: Whether that one was trained here.
        blocked: What became of that one here, if it may not be rolled out by itself.
        is_champion: Whether that one is champion.
        is_ready: Whether that one is challenger, with evidence against the champion of now.
        waiting: Another version that is challenger here and may be rolled out.
        replace: Whether it may take that one's place.
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


@dataclass(frozen=True)
class EligibilityDecision:
    """What to do with a version of elsewhere, and why."""

    action: Literal["weigh", "known", "refused"]
    reason: str = ""


def check_eligibility(facts: EligibilityFacts) -> EligibilityDecision:
    """Whether a version of elsewhere may be weighed here; pure."""
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
        standing = _standing(facts)
        if standing is not None:
            return EligibilityDecision(standing.action, f"{same} {standing.reason}.")
    if facts.waiting is not None and not facts.replace:
        waits = f"version {facts.waiting} is challenger here and waits for its rollout"
        return EligibilityDecision(
            "refused", f"{what} has to wait: {waits}; `--replace` takes its place."
        )
    return EligibilityDecision("weigh")


def _standing(facts: EligibilityFacts) -> EligibilityDecision | None:
    """What to do with a version that is here already; None: weigh it again."""
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
