"""Sections about what gates beside the metrics measured, for model cards and trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.report.blocks import Section, Table
from slipway.stages.report.gate_limits import limits_of

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
_ROBUSTNESS: Mapping[str, str] = {
    f"robustness.{kind}{field}": f"{told}{words}"
    for kind, told in (
        ("noise", "noise on numbers"),
        ("missing", "missing values"),
        ("extremes", "extreme values"),
        ("unseen", "unseen categories"),
    )
    for field, words in (
        (".size", ""),
        (".value", ": the first metric then"),
        (".gain.value", ": gain over the champion then"),
        (".gain.lower", ": lower bound of it"),
        (".gain.upper", ": upper bound of it"),
    )
}
_BEHAVIOUR: Mapping[str, str] = {
    "behaviour.tests": "tests of single answers",
    "behaviour.failed": "tests that fail",
    "behaviour.not_computed": "tests that could not be computed",
    "behaviour.not_computed.first": "the first of those",
    "behaviour.worst": "the test that most rows fail",
    "behaviour.worst.share": "share of the rows that fail it",
    "behaviour.worst.allowed": "share that may",
    "behaviour.worst.rows": "rows that it asked",
}
_OPERATIONAL: Mapping[str, str] = {
    "p99_ms": "99th percentile of the latency of one-row requests, in milliseconds",
    "rows_per_second": "rows answered in a second, as one request",
    "resident_mib": "resident memory of its process, in MiB",
    "size_mib": "size of its files, in MiB",
    "cold_start_s": "seconds until its server was ready",
}
FIGURES: Mapping[str, Mapping[str, str]] = {
    "Sanity": _SANITY,
    "Robustness": _ROBUSTNESS,
    "Behaviour": _BEHAVIOUR,
}
"""Words for each number, by the title of their section."""


def gate_sections(numbers: Mapping[str, Number], gates: Gates | None) -> Iterator[Section]:
    """Yield the sections of what was measured; none of what was not.

    Args:
        numbers: Numbers of evaluation and gates.
        gates: Gates of the spec, whose limits are told; None: not recorded.
    """
    limits = limits_of(gates, numbers)
    for title, words in FIGURES.items():
        yield from _section(title, words, numbers, limits)


def operational_sections(
    verified: Mapping[str, Number], gates: Gates | None, *, run: str
) -> Iterator[Section]:
    """Yield the section of what a verification measured in the version's server.

    Args:
        verified: Numbers of its verdict.
        gates: Gates of the spec, whose limits are told; None: not recorded.
        run: Rollout that verified it.
    """
    title = f"In its server, measured by {run}"
    yield from _section(title, _OPERATIONAL, verified, limits_of(gates, verified))


def _section(
    title: str, words: Mapping[str, str], numbers: Mapping[str, Number], limits: Mapping[str, str]
) -> Iterator[Section]:
    rows = [
        (told, _spelled(numbers[name]), limits.get(name, ""))
        for name, told in words.items()
        if numbers.get(name) is not None
    ]
    if rows:
        yield Section(title, (), Table(("figure", "value", "allowed"), rows))


def in_sections() -> frozenset[str]:
    """Return the numbers that these sections tell."""
    return frozenset(name for words in FIGURES.values() for name in words)


def _spelled(value: Number) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
