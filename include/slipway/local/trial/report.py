"""Report of a trial: the verdicts, and what a person looks at before a model is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from slipway.local.trial.better_column import better_column
from slipway.local.trial.held_out import HeldOut
from slipway.local.trial.importance import MOST_SECONDS, Importance
from slipway.local.trial.play import Trial
from slipway.local.trial.weak_thresholds import weak_thresholds
from slipway.records.verdicts import Number
from slipway.spec.metrics import METRICS, metrics_of
from slipway.stages.card.decision import decision_sections
from slipway.stages.card.parts_of_rows import part_sections
from slipway.stages.model.decision import THRESHOLD, threshold_of
from slipway.stages.model.reliability import ReliabilityBin
from slipway.stages.report.blocks import Section, Table
from slipway.stages.report.gate_figures import gate_sections
from slipway.stages.report.why_dataset import (
    DELIVER_AGAIN,
    RAISE_THE_LIMIT,
    DeliveryVerdict,
    format_deliveries,
    why_dataset,
)
from slipway.stages.train.confusion import MOST_IN_RECORD
from slipway.values.figures import in_few_digits, in_figures

SHOWN_COLUMNS = 15
KEPT = "the training's run below `experiments/runs`"
"""Where a trial with `--keep` has the files of the training."""

_WORTH = (
    "By how much {metric} gets worse on {rows:,} rows when the values of one column are shuffled; "
    "columns that tell the same share it."
)


def sections_of(
    trial: Trial, held_out: HeldOut | None, *, source: str, is_kept: bool
) -> list[Section]:
    """Return the sections of a report.

    Args:
        trial: Trial.
        held_out: What the model does on its holdout; None if it was not trained.
        source: Where the deliveries are from.
        is_kept: Whether the trial's store is kept, so that addresses in it are of use.
    """
    found = [
        _verdict(trial, source),
        *_deliveries(trial, is_kept=is_kept),
        *_metrics(trial, kept_in=KEPT if is_kept else None),
    ]
    return found if held_out is None else [*found, *held_out_sections(held_out)]


def conclusion(trial: Trial) -> str:
    """Return the outcome in one sentence, and the thresholds that a constant passes."""
    return " ".join((_outcome(trial), *weak_thresholds(trial)))


def _outcome(trial: Trial) -> str:
    if trial.is_promoted:
        gate = trial.find("gate")
        return f"A challenger would be promoted. {gate.reason if gate else ''}".strip()
    if trial.failure is not None:
        return f"It could not be tried to its end: {trial.failure.message}."
    refusal = trial.refusal
    refused = f"Refused. {refusal.reason if refusal else 'Nothing was trained.'}"
    blocked = [step for step in trial.steps if step.verdict.action == "blocked"]
    if not blocked:
        return refused
    first = blocked[0]
    return f"{refused} The delivery {first.about} was blocked: {first.verdict.reason}"


def _verdict(trial: Trial, source: str) -> Section:
    rows = [
        (f"{step.stage} {step.about}".strip(), step.verdict.action, f"{step.seconds:.1f}")
        for step in trial.steps
    ]
    lines = [conclusion(trial), f"Deliveries are from {source}."]
    told = {"snapshot", "train", "refit"}
    lines += [step.verdict.reason for step in trial.steps if step.stage in told]
    return Section("Verdict", lines, Table(("stage", "verdict", "seconds"), rows))


def _deliveries(trial: Trial, *, is_kept: bool) -> Iterator[Section]:
    """Yield what became of the rows: warnings, and reasons of bad rows."""
    container, dataset = trial.container, trial.dataset
    told = why_dataset(
        dataset.dataset, store=container.store, spec=dataset, tables=container.tables
    )
    reasons = list(_reasons(told))
    if not is_kept:
        told = [replace(one, kept={}) for one in told]
    lines = [line.strip() for line in format_deliveries(dataset.dataset, told)]
    if reasons and not is_kept:
        lines.append("--keep DIR keeps the bad rows, with their reasons")
    yield Section(
        "Deliveries, quarantine and warnings",
        [line for line in lines if line not in {DELIVER_AGAIN, RAISE_THE_LIMIT}],
        Table(("rows", "column", "reason", "hint"), reasons) if reasons else None,
    )


def _reasons(told: list[DeliveryVerdict]) -> Iterator[tuple[str, str, str, str]]:
    for one in told:
        for reason in one.reasons:
            yield (
                f"{int(reason['count']):,}",
                str(reason.get("column") or ""),
                str(reason["reason"]),
                str(reason.get("hint") or ""),
            )


def _metrics(trial: Trial, *, kept_in: str | None) -> Iterator[Section]:
    evaluated = trial.find("evaluate")
    if evaluated is None:
        return
    numbers, bars = evaluated.numbers, trial.model.gates.metrics
    fitted = trial.find("train")
    trained = {} if fitted is None else fitted.numbers
    rows, worse = [], [*_worse_than_constant(trial, numbers)]
    for name in sorted(metrics_of(trial.model.task), key=lambda one: one not in bars):
        bar = bars.get(name)
        side = "≥" if METRICS[name].greater_is_better else "≤"
        threshold = None if bar is None else bar.threshold
        rows.append(
            (
                name,
                _number(numbers, f"challenger.{name}"),
                _number(numbers, f"constant.{name}"),
                "" if threshold is None else f"{side} {in_few_digits(threshold)}",
                "; ".join(_marks(name, trained, is_gate=bar is not None, is_worse=name in worse)),
            )
        )
    gate = trial.find("gate")
    lines = [*([] if gate is None else [gate.reason]), *weak_thresholds(trial)]
    lines += better_column(numbers)
    if THRESHOLD in trained:
        # Chosen by costs, not to be right most often.
        worse = [one for one in worse if METRICS[one].takes != "classes"]
    if worse:
        lines.append(f"Warning: by {', '.join(worse)} the model is worse than a constant.")
    head = ("metric", "model", "constant", "threshold", "")
    title = f"Metrics on {numbers['rows']:,} rows that the model has not seen"
    yield Section(title, lines, Table(head, rows))
    yield from decision_sections(trained, numbers, trial.model.training.decision)
    yield from gate_sections(numbers, trial.model.gates)
    yield from part_sections(numbers, trial.model.gates, kept_in=kept_in)


def _worse_than_constant(trial: Trial, numbers: Mapping[str, Number]) -> Iterator[str]:
    """Yield the metrics by which the model is worse than a constant, whether they gate or not."""
    for name in metrics_of(trial.model.task):
        if not METRICS[name].has_floor:
            continue
        model, constant = numbers.get(f"challenger.{name}"), numbers.get(f"constant.{name}")
        if isinstance(model, float) and isinstance(constant, float):
            sign = 1.0 if METRICS[name].greater_is_better else -1.0
            if sign * (model - constant) < 0:
                yield name


def _marks(
    name: str, trained: Mapping[str, Number], *, is_gate: bool, is_worse: bool
) -> Iterator[str]:
    if is_gate:
        yield "a gate"
    if THRESHOLD in trained and METRICS[name].takes == "classes":
        yield f"class 1 above {in_few_digits(threshold_of(trained))}"
    if is_worse:
        yield "worse than a constant"


def _number(numbers: Mapping[str, Number], name: str) -> str:
    value = numbers.get(name)
    return in_figures(value) if isinstance(value, float) else "not computable"


def held_out_sections(held_out: HeldOut) -> Iterator[Section]:
    """Yield the sections about the holdout: reliability or residuals, and the columns."""
    if held_out.reliability:
        rows = [(f"{one.low:.1f} to {one.high:.1f}", *_bin(one)) for one in held_out.reliability]
        yield Section(
            "Reliability",
            ["Where scores are probabilities, the last two columns are nearly equal."],
            Table(("score", "rows", "mean score", "share that was so"), rows),
        )
    if held_out.confusion is not None and len(held_out.confusion.classes) <= MOST_IN_RECORD:
        matrix = held_out.confusion.to_json()
        rows = [(name, *map(str, counts)) for name, counts in matrix["actual"].items()]
        yield Section(
            "Confusion matrix", (), Table(("actual, predicted", *matrix["predicted"]), rows)
        )
    if held_out.residuals:
        quantiles = [(f"{share:.0%}", in_few_digits(value)) for share, value in held_out.residuals]
        yield Section(
            "Residuals (actual minus predicted)", (), Table(("quantile", "residual"), quantiles)
        )
    weighed = held_out.importance
    if weighed.worse:
        shown = weighed.worse[:SHOWN_COLUMNS]
        yield Section(
            "Columns",
            [_WORTH.format(metric=held_out.metric, rows=weighed.rows), *_not_weighed(weighed)],
            Table(("column", "worse by"), [(name, in_figures(value)) for name, value in shown]),
        )


def _not_weighed(weighed: Importance) -> Iterator[str]:
    left_out = weighed.left_out
    if left_out:
        every = len(weighed.worse) + len(left_out)
        more = len(left_out) - SHOWN_COLUMNS
        yield (
            f"The {len(weighed.worse):,} of {every:,} columns that the model uses most were "
            f"weighed in {MOST_SECONDS:.0f} s; left out: {', '.join(left_out[:SHOWN_COLUMNS])}"
            + (f" and {more:,} more" if more > 0 else "")
        )


def _bin(one: ReliabilityBin) -> tuple[str, str, str]:
    return (f"{one.rows:,}", f"{one.score:.3f}", f"{one.share:.3f}")
