"""Sections about what gates beside the metrics measured, for model cards and trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slipway.records.verdicts import Number
from slipway.stages.report.blocks import Section, Table

_SANITY: Mapping[str, str] = {
    "split.training_rows": "training rows that were found again",
    "split.training_rows_recorded": "training rows that the version records",
    "split.training_rows_not_older": "training rows that are not older than the holdout",
    "split.shared_keys": "holdout rows whose key stands among the training rows",
    "renamed_label": "largest agreement of a feature with the target",
    "renamed_label.column": "the feature that agrees most",
    "single_feature": "how well the best feature alone ranks the target",
    "single_feature.model": "how well the model ranks it",
    "single_feature.column": "the best feature",
    "duplicates.share": "share of the holdout that stands among the training rows",
    "duplicates.by_chance": "share of it that chance explains",
}
_OPERATIONAL: Mapping[str, str] = {
    "p99_ms": "99th percentile of the latency of one-row requests, in milliseconds",
    "rows_per_second": "rows answered in a second, as one request",
    "resident_mib": "resident memory of its process, in MiB",
    "size_mib": "size of its files, in MiB",
    "cold_start_s": "seconds until its server was ready",
}
FIGURES: Mapping[str, Mapping[str, str]] = {"Sanity": _SANITY}
"""Words for each number, by the title of their section."""


def gate_sections(numbers: Mapping[str, Number]) -> Iterator[Section]:
    """Yield the sections of what was measured; none of what was not."""
    for title, words in FIGURES.items():
        yield from _section(title, words, numbers)


def operational_sections(verified: Mapping[str, Number], *, run: str) -> Iterator[Section]:
    """Yield the section of what a verification measured in the version's server.

    Args:
        verified: Numbers of its verdict.
        run: Rollout that verified it.
    """
    yield from _section(f"In its server, measured by {run}", _OPERATIONAL, verified)


def _section(
    title: str, words: Mapping[str, str], numbers: Mapping[str, Number]
) -> Iterator[Section]:
    rows = [
        (told, _spelled(numbers[name]))
        for name, told in words.items()
        if numbers.get(name) is not None
    ]
    if rows:
        yield Section(title, (), Table(("figure", "value"), rows))


def in_sections() -> frozenset[str]:
    """Return the numbers that these sections tell."""
    return frozenset(name for words in FIGURES.values() for name in words)


def _spelled(value: Number) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
