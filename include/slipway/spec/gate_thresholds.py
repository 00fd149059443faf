"""Check gates: each can refuse and pass, and none contradicts its metric's direction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil

from slipway.spec.behaviour_problems import behaviour_problems
from slipway.spec.gate_ranges import range_warnings
from slipway.spec.gates import BlockUnit
from slipway.spec.metrics import METRICS
from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at, unknown_name
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document, Where

_DAYS: Mapping[BlockUnit, float] = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4375}


def gate_problems(spec: ModelSpec, document: Document) -> Iterator[Problem]:
    """Yield the problems of a model's gates."""
    for metric, gate in spec.gates.metrics.items():
        where: Where = ("gates", "metrics", metric)
        better = METRICS[metric].greater_is_better
        if gate.greater_is_better not in {None, better}:
            summary = f"{metric} is better when it is {'greater' if better else 'smaller'}"
            hint = "remove greater_is_better; the direction follows from the metric"
            yield problem_at(document, (*where, "greater_is_better"), summary, hint=hint)
        is_compared = spec.gates.compare(metric) not in {None, "point"} or gate.has_change
        if gate.threshold is None and not is_compared:
            hint = "set threshold, `compare: better`, min_absolute_change or min_relative_change"
            yield problem_at(document, where, "sets no bar, so every challenger passes", hint=hint)
    for index, name in enumerate(spec.gates.sanity.known_columns):
        if name not in spec.features.names:
            where = ("gates", "sanity", "known_columns", index)
            yield unknown_name(
                document,
                where,
                name,
                summary="which is no feature of the model",
                allowed=spec.features.names,
            )
    yield from behaviour_problems(spec, document)
    yield from _operational_problems(spec, document)


def _operational_problems(spec: ModelSpec, document: Document) -> Iterator[Problem]:
    """Yield that a limit of latency is set twice, or of a deployment that nobody waits for."""
    limits, deployment = spec.gates.operational, spec.deployment
    if limits is None or limits.max_p99_ms is None:
        return
    where: Where = ("gates", "operational", "max_p99_ms")
    if not deployment.capabilities.has_server:
        summary = f"has no effect: the target is {deployment.target}, where no client waits"
        hint = "set `min_rows_per_second` in its place"
        yield problem_at(document, where, summary, hint=hint)
    elif "max_p99_ms" in deployment.verify.model_fields_set:
        summary = "is set in `deployment.verify` as well"
        yield problem_at(document, where, summary, hint="remove one of the two")


def _decision_warnings(spec: ModelSpec) -> Iterator[str]:
    """Yield that a decision by costs moves what gates and monitoring judge classes by."""
    costs = spec.training.decision
    metrics = dict.fromkeys([*spec.gates.metrics, spec.monitoring.performance.metric])
    moved = [f"`{one}`" for one in metrics if METRICS[one].takes == "classes"]
    if spec.gates.fairness is not None:
        moved.append("`gates.fairness`")
    if costs is not None and moved:
        true = costs.false_positive / (costs.false_positive + costs.false_negative)
        yield (
            f"training.decision: class 1 is predicted not above one half, but above the score "
            f"that costs least ({true:.4g} where scores are true probabilities), also for "
            f"{', '.join(moved)}"
        )


def gate_warnings(spec: ModelSpec) -> Iterator[str]:
    """Yield gates that can never pass, refuse or be conclusive, each with its field."""
    gates, training = spec.gates, spec.training
    if gates.dry_run:
        yield "gates.dry_run: challengers are trained and judged, and none is ever promoted"
    yield from range_warnings(gates)
    yield from _decision_warnings(spec)
    if not gates.needs_blocks or gates.cluster is not None or training.split != "time":
        return
    unit = gates.blocks or "day"
    if unit == "key":
        return
    most = training.holdout_days / _DAYS[unit]
    if most < gates.min_blocks:
        days = ceil(gates.min_blocks * _DAYS[unit])
        told = "no challenger can ever replace a champion"
        if gates.fairness is not None:
            told = "no model can ever pass"
        yield (
            f"gates.min_blocks: {told}: a holdout of "
            f"{training.holdout_days} days has at most {ceil(most)} blocks of a {unit}, and a "
            f"comparison needs {gates.min_blocks}; set `training.holdout_days` to {days} or more, "
            "shorter `gates.blocks`, or `compare: point`"
        )
