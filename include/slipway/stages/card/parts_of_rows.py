"""Sections of a model card about slices, groups, reliability of scores, and explanations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from slipway.records.verdicts import Number
from slipway.spec.explanations import Explanations
from slipway.spec.fairness import Fairness
from slipway.spec.gates import Gates
from slipway.stages.card.charts import explanation_chart, reliability_chart
from slipway.stages.card.words import NOT_MEASURED, measured, recorded
from slipway.stages.gates.checks import explanations, fairness, slices
from slipway.stages.gates.gate_numbers import finite
from slipway.stages.gates.slice_figures import LOWEST, MEASURED
from slipway.stages.model.reliability import FILE as RELIABILITY_FILE
from slipway.stages.model.reliability import RELIABILITY, ReliabilityBin, read_reliability
from slipway.stages.report.blocks import Section, Table

MLFLOW = "the MLflow run"
"""Where a training's files are, whose version is registered."""


def part_sections(
    numbers: Mapping[str, Number], gates: Gates | None, *, kept_in: str | None = MLFLOW
) -> Iterator[Section]:
    """Yield the sections about slices, groups and explanations that were measured.

    Args:
        numbers: Numbers of evaluation and gates.
        gates: Gates of the spec, whose limits are told; None: not recorded.
        kept_in: Where the whole tables are; None: they are kept nowhere.
    """
    if any(finite(numbers.get(one)) is not None for one in (slices.COMPARED, MEASURED)):
        yield _whole(_slices(numbers), "All of them", slices.FILE, kept_in)
    if finite(numbers.get(fairness.COMPARED)) is not None:
        told = "The least favourable ones; all, with each group's rates"
        yield _whole(
            _fairness(numbers, gates.fairness if gates else None), told, fairness.FILE, kept_in
        )
    if finite(numbers.get(explanations.EXPLAINED)):
        told = "All columns, and the slices"
        asked = gates.explanations if gates else None
        yield _whole(_explanations(numbers, asked), told, explanations.FILE, kept_in)


def _whole(section: Section, what: str, file: str, kept_in: str | None) -> Section:
    """A section, with the file that has the whole table."""
    if kept_in is None:
        return section
    return replace(section, lines=[*section.lines, f"{what}: `{file}` in {kept_in}."])


def reliability_sections(numbers: Mapping[str, Number]) -> Iterator[Section]:
    """Yield the section about how often scores came true, of classes."""
    if numbers.get(RELIABILITY) is not None:
        yield _reliability(numbers)


def is_shown(name: str) -> bool:
    """Return whether these sections show a number."""
    shown = (slices.COMPARED, fairness.COMPARED, RELIABILITY, explanations.EXPLAINED)
    return name.partition(".")[0] in shown


def _slices(numbers: Mapping[str, Number]) -> Section:
    count, worse, own = (
        measured(numbers.get(one)) for one in (slices.COMPARED, slices.WORSE, MEASURED)
    )
    lines = [
        f"Measured by the first metric: {own} slices.",
        f"Compared with the champion: {count} slices; worse than allowed: {worse}."
        if slices.COMPARED in numbers
        else f"Compared with the champion: {NOT_MEASURED}.",
    ]
    if small := numbers.get(slices.SMALL):
        lines.append(f"Named, of too few rows: {small}.")
    rows = []
    if numbers.get(LOWEST) is not None:
        value = measured(numbers.get(f"{LOWEST}.value"))
        rows.append(_slice_row("worst figure", LOWEST, numbers, value, ""))
    if numbers.get(slices.WORST) is not None:
        gain, low, high = (
            _signed(numbers.get(f"{slices.WORST}.{one}")) for one in ("value", "lower", "upper")
        )
        told = f"{gain}, {low} to {high}"
        rows.append(_slice_row("least gain", slices.WORST, numbers, "", told))
    head = ("", "slice", "rows", "first metric", "gain, with bounds")
    return Section("Slices", lines, Table(head, rows) if rows else None)


def _slice_row(title: str, name: str, numbers: Mapping[str, Number], *figures: str) -> list[str]:
    return [title, str(numbers[name]), measured(numbers.get(f"{name}.rows")), *figures]


def _signed(value: Number) -> str:
    return f"{value:+.4g}" if isinstance(value, int | float) else NOT_MEASURED


def _fairness(numbers: Mapping[str, Number], asked: Fairness | None) -> Section:
    rows = [
        (
            row["metric"],
            row["by"],
            measured(row["value"]),
            " against ".join(row.get("pair", ())) or NOT_MEASURED,
            recorded(asked.metrics.get(row["metric"]) if asked else None),
            _bounds(row, "excess"),
            measured(row.get("champion")),
            f"{row['groups']}, and {row['left_out']} too small",
        )
        for row in fairness.table_of(numbers)
    ]
    found = (fairness.BEYOND, fairness.INCREASED, fairness.UNKNOWN)
    beyond, worse, unknown = (measured(numbers.get(one)) for one in found)
    lines = [
        f"Shown to be beyond a limit: {beyond}; worse than the champion: {worse}.",
        f"Not computable: {unknown}.",
    ]
    head = (
        *("metric", "groups by", "value", "groups", "limit"),
        *("beyond it, with bounds", "champion", "groups compared"),
    )
    return Section("Fairness between groups", lines, Table(head, rows))


def _bounds(row: Mapping[str, Any], name: str) -> str:
    if name not in row:
        return NOT_MEASURED
    low, high = row[name]
    return f"{low:+.4g} to {high:+.4g}"


def _reliability(numbers: Mapping[str, Number]) -> Section:
    error, brier = (
        measured(numbers.get(f"challenger.{one}"))
        for one in ("expected_calibration_error", "brier_score")
    )
    lines = [
        "Where scores are probabilities, the last two columns are nearly equal.",
        f"Expected calibration error: {error}; Brier score: {brier}.",
        f"The bins are `{RELIABILITY_FILE}` in the MLflow run, too.",
    ]
    bins = read_reliability(str(numbers[RELIABILITY]))
    rows = [
        (f"{one.low:.1f} to {one.high:.1f}", f"{one.rows:,}", *(f"{x:.3f}" for x in _both(one)))
        for one in bins
    ]
    head = ("score", "rows", "mean score", "share that was so")
    return Section("Calibration of the scores", lines, Table(head, rows), reliability_chart(bins))


def _both(one: ReliabilityBin) -> tuple[float, float]:
    return one.score, one.share


def _explanations(numbers: Mapping[str, Number], asked: Explanations | None) -> Section:
    rows, method = numbers[explanations.EXPLAINED], numbers.get(explanations.METHOD)
    common, ranks = (
        measured(numbers.get(one)) for one in (explanations.STABILITY, explanations.RANKS)
    )
    least = ""
    if asked is not None and asked.min_stability is not None:
        least = f" (at least {asked.min_stability:g} is asked for)"
    lines = [
        f"SHAP values of {measured(rows)} holdout rows, by raw column; way: {recorded(method)}.",
        f"In common with the champion: {common}{least}; correlation of the ranks: {ranks}.",
    ]
    table = [
        (name, f"{share:.1%}", NOT_MEASURED if other is None else f"{other:.1%}")
        for name, share, other in explanations.table_of(numbers)
    ]
    head = ("column", "share of what moves the answers", "champion's share")
    chart = explanation_chart(explanations.table_of(numbers))
    return Section("Explanations of predictions", lines, Table(head, table), chart)
