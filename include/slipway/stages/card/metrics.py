"""Sections of a model card about what was measured: metrics, gates and confusion matrix."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from slipway.records.verdicts import Number
from slipway.spec.gates import Threshold
from slipway.spec.metrics import METRICS
from slipway.stages.card.decision import decision_sections
from slipway.stages.card.parts_of_rows import is_shown, part_sections, reliability_sections
from slipway.stages.card.refit import is_refit
from slipway.stages.card.words import NOT_MEASURED, NOT_RECORDED, measured, recorded
from slipway.stages.gates.gate_numbers import BLOCK_UNIT, BLOCKS, gain_names, read_gain
from slipway.stages.model.version_tags import COMPARED_WITH, GATE, METRIC_PREFIX
from slipway.stages.report.blocks import Section, Table
from slipway.stages.report.gate_figures import gate_sections, in_sections, operational_sections
from slipway.stages.report.version_case import VersionCase
from slipway.stages.train.confusion import CONFUSION, FILE, MOST_IN_RECORD

WHO = ("challenger", "champion", "constant")


def measured_numbers(case: VersionCase) -> dict[str, Number]:
    """Return the numbers of evaluation and gates; the version's tags where no record has them."""
    numbers = {**case.verdict("gate").numbers, **case.verdict("evaluate").numbers}
    if numbers:
        return numbers
    tags = case.version.tags
    return {
        f"challenger.{name.removeprefix(METRIC_PREFIX)}": float(value)
        for name, value in tags.items()
        if name.startswith(METRIC_PREFIX) and _is_number(value)
    }


def metric_sections(case: VersionCase) -> Iterator[Section]:
    """Yield the sections about metrics, gates, confusion matrix and all other figures."""
    numbers = measured_numbers(case)
    yield _metrics(case, numbers)
    yield _gates(case)
    yield _confusion(case, numbers)
    gates = case.specs.model.gates if case.specs else None
    costs = case.specs.model.training.decision if case.specs else None
    yield from decision_sections(case.shipped.numbers, numbers, costs)
    yield from gate_sections(numbers, gates)
    yield from part_sections(numbers, gates)
    yield from reliability_sections(numbers)
    verified = [one for one in case.later if one.ref.stage == "verify"]
    for one in verified[-1:]:
        yield from operational_sections(one.verdict.numbers, gates, run=one.ref.run)
    others = _others(numbers)
    if others:
        yield Section(
            "Further measurements", (), Table(("figure", "value"), [*map(_figure, others.items())])
        )


def _metrics(case: VersionCase, numbers: Mapping[str, Number]) -> Section:
    names = sorted(name for name in METRICS if any(f"{who}.{name}" in numbers for who in WHO))
    rows = []
    for name in names:
        gain = read_gain(numbers, name)
        bounds: tuple[str, ...] = (NOT_MEASURED,) * 4
        if gain is not None:
            signed = (f"{one:+z.6g}" for one in (gain.value, gain.lower, gain.upper))
            bounds = (*signed, f"{gain.error:.3g}")
        figures = (measured(numbers.get(f"{who}.{name}")) for who in WHO)
        rows.append((name, *figures, *bounds))
    champion = numbers.get("champion.version")
    against = "no champion" if champion is None else f"champion, version {champion}"
    head = (
        *("metric", _measured_model(case), against, "constant"),
        *("gain", "lower bound", "upper bound", "error"),
    )
    lines = [f"Rows that no contender had seen: {measured(numbers.get('rows'))}."]
    if champion is None:
        lines.append(f"Gain over a champion: {NOT_MEASURED}, since it was compared with none.")
    elif numbers.get(BLOCKS) is None:
        lines.append(f"Bounds of the gain: {NOT_MEASURED}; no gate asked for them.")
    else:
        unit = recorded(numbers.get(BLOCK_UNIT))
        lines.append(f"Bounds of the gain come from {numbers[BLOCKS]} resampled blocks ({unit}).")
    return Section("Metrics", lines, Table(head, rows) if rows else None)


def _measured_model(case: VersionCase) -> str:
    """Model whose figures they are: the version, or the one that was judged in its place."""
    return "judged model" if is_refit(case) else f"version {case.version.version}"


def _gates(case: VersionCase) -> Section:
    verdict = case.verdict("bring" if "bring" in case.records else "gate")
    reason = verdict.reason or case.version.tags.get(GATE)
    lines = [
        f"Verdict: {recorded(verdict.action)}.",
        f"Reason: {recorded(reason)}",
        f"Compared with: {recorded(case.version.tags.get(COMPARED_WITH))}.",
    ]
    if case.specs is None:
        return Section("Gates", [*lines, f"Thresholds: {NOT_RECORDED}."])
    rows = [
        (
            name,
            "none" if bar.threshold is None else f"{bar.threshold:g}",
            case.specs.model.gates.compare(name) or "not compared",
            _change(bar),
        )
        for name, bar in case.specs.model.gates.metrics.items()
    ]
    return Section("Gates", lines, Table(("metric", "threshold", "compare", "change"), rows))


def _change(bar: Threshold) -> str:
    parts = {
        "margin": bar.margin,
        "at least": bar.min_absolute_change,
        "at least, as a share": bar.min_relative_change,
    }
    told = [f"{name} {value:g}" for name, value in parts.items() if value is not None]
    return ", ".join(told) or "none"


def _confusion(case: VersionCase, numbers: Mapping[str, Number]) -> Section:
    kept = numbers.get(CONFUSION)
    title = "Confusion matrix"
    if kept is not None:
        matrix = json.loads(str(kept))
        rows = [(name, *map(str, counts)) for name, counts in matrix["actual"].items()]
        return Section(title, (), Table(("actual, predicted", *matrix["predicted"]), rows))
    task = case.specs.model.task if case.specs else case.manifest.get("task")
    if task == "regression":
        return Section(title, ["None: a regression has no classes."])
    if "evaluate" in case.records and "mlflow_run" in case.evidence and task == "multiclass":
        return Section(title, [f"More than {MOST_IN_RECORD} classes: `{FILE}` in the MLflow run."])
    return Section(title, [f"{NOT_MEASURED.capitalize()}."])


def _others(numbers: Mapping[str, Number]) -> dict[str, Number]:
    """Numbers that no other section has."""
    shown = {"rows", "champion.version", BLOCKS, BLOCK_UNIT, CONFUSION, *in_sections()}
    for name in METRICS:
        shown |= {*gain_names(name), *(f"{who}.{name}" for who in WHO)}
    return {
        name: value
        for name, value in sorted(numbers.items())
        if name not in shown and not is_shown(name)
    }


def _figure(item: tuple[str, Number]) -> tuple[str, str]:
    return item[0], measured(item[1])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
