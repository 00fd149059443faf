"""What an ingest says about one delivery, in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.errors import BadBatch
from slipway.records.arrivals import Registration
from slipway.records.verdicts import Number, Verdict
from slipway.stages.ingest.validation import Examination

if TYPE_CHECKING:
    import pandas as pd

_REASON_LIMIT = 1500


@dataclass(frozen=True)
class Revisions:
    """Where a batch stands before a delivery of it is handled.

    Attributes:
        live: Revision whose rows are in the table, or None.
        next: What the delivery becomes, unless it repeats the live one.
    """

    live: int | None
    next: int

    @classmethod
    def after(cls, newest: Registration | None) -> Revisions:
        """Where the registration of the newest revision leaves a batch."""
        if newest is None:
            return cls(None, 1)
        live = newest.note.get("live_revision")
        return cls(None if live is None else int(live), newest.revision + 1)


@dataclass(frozen=True)
class Findings:
    """What examining a delivery brought to light.

    Attributes:
        numbers: Counts, by name.
        remarks: What a person should know, beyond the counts.
        blocks: Why it may not enter; empty when it may.
        evidence: Where to look.
    """

    numbers: Mapping[str, Number]
    remarks: Sequence[str]
    blocks: Sequence[str]
    evidence: Mapping[str, str]


def unreadable(error: BadBatch, *, evidence: Mapping[str, str]) -> Findings:
    """Findings about a file whose rows could not even be looked at."""
    return Findings({}, (), (in_words(error),), evidence)


def in_words(error: BadBatch) -> str:
    """Why a batch may not enter, without a full stop."""
    parts = [error.message]
    if error.expected is not None:
        parts.append(f"expected {error.expected}")
    if error.found is not None:
        parts.append(f"found {error.found}")
    return ", ".join(parts)


def counts(delivered: pd.DataFrame, seen: Examination) -> dict[str, Number]:
    """How many rows and expectations there were, and how many were not as they should be."""
    bad = len(seen.reasons)
    return {
        "rows": len(delivered),
        "quarantined": bad,
        "quarantined_share": round(bad / len(delivered), 6),
        "expectations": len(seen.outcomes),
        "failed_expectations": sum(not one.success for one in seen.outcomes),
        "warnings": len(seen.warnings),
    }


def duplicate(title: str, revisions: Revisions, *, evidence: Mapping[str, str]) -> Verdict:
    """The verdict on a file whose very bytes are in the table already."""
    return Verdict(
        "duplicate",
        f"{title} was delivered again without a change; revision {revisions.live} stays as it is.",
        {"revision": revisions.live, "live_revision": revisions.live},
        evidence,
    )


def blocked(title: str, revisions: Revisions, findings: Findings) -> Verdict:
    """The verdict on a batch that may not enter the table."""
    why = "; ".join(findings.blocks)
    live = revisions.live
    stays = "nothing of it is published" if live is None else f"revision {live} stays live"
    return Verdict(
        "blocked",
        _short(f"{title} may not enter the table: {why}; {stays}."),
        {**findings.numbers, "revision": revisions.next, "live_revision": live},
        findings.evidence,
    )


def published(title: str, revisions: Revisions, findings: Findings, *, version: int) -> Verdict:
    """The verdict on a batch whose good rows are in the table.

    Args:
        title: Stream and batch.
        revisions: Where the batch stood before.
        findings: What examining it brought to light.
        version: Version of the table that holds it first.
    """
    rows, bad = int(findings.numbers["rows"] or 0), int(findings.numbers["quarantined"] or 0)
    told = [
        f"{rows - bad} of {rows} rows of {title} are in version {version} of the table",
        f"{bad} went to quarantine" if bad else "none was bad",
    ]
    if revisions.live is not None:
        told.append(
            f"the file had changed, so revision {revisions.next} replaces revision {revisions.live}"
        )
    return Verdict(
        "ingested" if revisions.live is None else "revised",
        _short(f"{'; '.join([*told, *findings.remarks])}."),
        {
            **findings.numbers,
            "revision": revisions.next,
            "live_revision": revisions.next,
            "table_version": version,
        },
        findings.evidence,
    )


def _short(text: str) -> str:
    return text if len(text) <= _REASON_LIMIT else f"{text[:_REASON_LIMIT]}…"
