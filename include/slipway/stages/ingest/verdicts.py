"""Verdicts on a delivery: ingested, revised, duplicate or blocked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slipway.errors import BadBatch, OverLimit
from slipway.records.verdicts import Number, Verdict
from slipway.stages.ingest.redelivery import Revisions
from slipway.stages.ingest.validation import ValidatedDelivery

_REASON_LIMIT = 1500

OVER_LIMIT = "over_limit"
"""Number of a verdict: the delivery exceeds a limit of the installation."""


@dataclass(frozen=True)
class Findings:
    """Findings of validating a delivery.

    Attributes:
        numbers: Counts, by name.
        remarks: Further findings, for a person.
        blocks: Reasons to block the batch; empty when it may be published.
        evidence: Addresses by name.
    """

    numbers: Mapping[str, Number]
    remarks: Sequence[str]
    blocks: Sequence[str]
    evidence: Mapping[str, str]


def unreadable_findings(error: BadBatch, *, evidence: Mapping[str, str]) -> Findings:
    """Return the findings on a file that cannot be read, or exceeds a limit."""
    if not isinstance(error, OverLimit):
        return Findings({}, (), (format_error(error),), evidence)
    # Of the others a copy is kept, whose address the verdict has.
    block = format_error(error, where=evidence["delivery"])
    return Findings({OVER_LIMIT: True}, (), (block,), evidence)


def format_error(error: BadBatch, *, where: str | None = None) -> str:
    """Format why a batch is blocked, without a full stop; with the file's address if given."""
    parts = [error.message]
    if error.expected is not None:
        parts.append(f"expected {error.expected}")
    if error.found is not None:
        parts.append(f"found {error.found}")
    if where is not None:
        parts.append(f"in {where}")
    hint = "" if error.hint is None else f"; hint: {error.hint}"
    return f"{', '.join(parts)}{hint}"


def count_rows(seen: ValidatedDelivery) -> dict[str, Number]:
    """Count rows and expectations, and how many of them failed."""
    return {
        "rows": seen.rows,
        "quarantined": seen.bad,
        "quarantined_share": round(seen.bad / seen.rows, 6),
        "expectations": len(seen.outcomes),
        "failed_expectations": sum(not one.success for one in seen.outcomes),
        "warnings": len(seen.warnings),
    }


def duplicate_verdict(title: str, revisions: Revisions, *, evidence: Mapping[str, str]) -> Verdict:
    """Return the verdict on a file whose bytes are in the table already."""
    bad = revisions.live_bad
    waiting = f" Its {bad:,} bad rows wait for a change of the dataset's spec, or of the file."
    return Verdict(
        "duplicate",
        f"{title} was delivered again without a change; revision {revisions.live} stays as it is."
        f"{waiting if bad else ''}",
        {"revision": revisions.live, "live_revision": revisions.live},
        evidence,
    )


def superseded_verdict(title: str, revisions: Revisions, findings: Findings) -> Verdict:
    """Return the verdict on a file of a batch that a later delivery has in the table already."""
    return Verdict(
        "superseded",
        f"{title} stays as a later delivery of it has it: this file was accepted before that one.",
        {**findings.numbers, "revision": revisions.next, "live_revision": revisions.live},
        findings.evidence,
    )


def blocked_verdict(title: str, revisions: Revisions, findings: Findings) -> Verdict:
    """Return the verdict on a batch that may not enter the table."""
    why = "; ".join(findings.blocks)
    live = revisions.live
    stays = "nothing of it is published" if live is None else f"revision {live} stays live"
    return Verdict(
        "blocked",
        _short(f"{title} may not enter the table: {why}; {stays}."),
        {**findings.numbers, "revision": revisions.next, "live_revision": live},
        findings.evidence,
    )


def published_verdict(
    title: str, revisions: Revisions, findings: Findings, *, version: int, changed: str
) -> Verdict:
    """Return the verdict on a batch whose good rows are in the table.

    Args:
        title: Stream and batch.
        revisions: Revisions of the batch before.
        findings: Findings of the validation.
        version: First version of the table that holds the batch.
        changed: What differs from the revision before: the file, or the dataset's spec.
    """
    rows, bad = int(findings.numbers["rows"] or 0), int(findings.numbers["quarantined"] or 0)
    parts = [
        f"{rows - bad} of {rows} rows of {title} are in version {version} of the table",
        f"{bad} went to quarantine" if bad else "none was bad",
    ]
    if revisions.live is not None:
        replaced = f"revision {revisions.next} replaces revision {revisions.live}"
        parts.append(f"{changed} had changed, so {replaced}")
    return Verdict(
        "ingested" if revisions.live is None else "revised",
        _short(f"{'; '.join([*parts, *findings.remarks])}."),
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
