"""Judge the quality of a window's rows, before and whatever its drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from slipway.records.verdicts import Number, Verdict
from slipway.stages.monitor.quality import CHECKS
from slipway.stages.monitor.quality.check import KnownRows, ObservedWindow, QualityFinding

MOST_FINDINGS = 5
"""Findings that a verdict tells; it counts them all."""


@dataclass(frozen=True)
class Quality:
    """Quality of a window's rows.

    Attributes:
        findings: What is wrong with them, the severe ones first.
        kept: Numbers that later windows are held against.
        has_odd_values: Whether the verdict on drift names values that are missing or out of range.
    """

    findings: Sequence[QualityFinding] = ()
    kept: dict[str, Number] = field(default_factory=dict)
    has_odd_values: bool = False

    @property
    def action(self) -> Literal["ok", "warning", "drifting"]:
        """The most severe finding's severity."""
        if self.has_odd_values:
            return "drifting"
        return self.findings[0].severity if self.findings else "ok"

    @property
    def reason(self) -> str:
        """What was found, in words; empty without a finding."""
        told = "; ".join(one.text for one in self.findings[:MOST_FINDINGS])
        more = len(self.findings) - MOST_FINDINGS
        return f"{told}; and {more} more" if more > 0 else told

    @property
    def numbers(self) -> dict[str, Number]:
        """Verdict, counts and what was found."""
        numbers: dict[str, Number] = {"quality": self.action, **self.kept}
        for one in self.findings[:MOST_FINDINGS]:
            numbers[f"quality.{one.check}.{one.subject}"] = round(one.found, 4)
            numbers[f"quality.{one.check}_limit.{one.subject}"] = round(one.limit, 4)
        return numbers


def judge_quality(observed: ObservedWindow, known: KnownRows, *, is_few: bool = False) -> Quality:
    """Return the quality of a window's rows; pure.

    Args:
        observed: The window.
        known: What it is held against.
        is_few: Whether its rows are too few for shares of them.
    """
    checks = [check for check in CHECKS if check.judges_few_rows or not is_few]
    found = [one for check in checks for one in check.find(observed, known)]
    kept = {name: value for check in checks for name, value in check.numbers(observed).items()}
    return Quality(sorted(found, key=lambda one: one.severity != "drifting"), kept)


def with_quality(verdict: Verdict, quality: Quality) -> Verdict:
    """Return a verdict on drift with the quality of the rows, which comes first.

    Args:
        verdict: On drift.
        quality: Of the same window.
    """
    verdict = replace(verdict, numbers={**verdict.numbers, **quality.numbers})
    if not quality.findings:
        return verdict
    severe = quality.findings[0].severity == "drifting"
    word = "Quality" if severe else "Quality, to look at"
    action = "drifting" if severe else verdict.action
    return replace(verdict, action=action, reason=f"{word}: {quality.reason}. {verdict.reason}")
