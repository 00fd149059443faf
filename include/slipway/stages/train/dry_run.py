"""Dry run: record what the gates would have done, and change nothing."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.records.requests import Request
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec

DRY_RUN = "dry_run"
"""Action of the verdicts of gate and promotion, outcome of the request, tag of the MLflow run."""

WOULD = "would"
"""Number of such a verdict: the action without a dry run."""

_WORDS: Mapping[str, str] = {
    "promote": "would have become challenger",
    "refuse": "would have been refused",
    "inconclusive": "would have been refused, since no gate decides",
}


def is_dry_run(spec: ModelSpec, request: Request) -> bool:
    """Return whether a training changes nothing: by its model's gates, or by its request."""
    return spec.gates.dry_run or request.dry_run


def as_dry_run(verdict: Verdict) -> Verdict:
    """Return the verdict of gates as that of a dry run, with what would have happened."""
    return Verdict(
        DRY_RUN,
        f"Dry run, nothing changes: the version {_WORDS[verdict.action]}. {verdict.reason}",
        {WOULD: verdict.action, **verdict.numbers},
        verdict.evidence,
    )
