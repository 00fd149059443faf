"""Section about the score above which class 1 is predicted, and what wrong classes cost by it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from slipway.records.verdicts import Number
from slipway.spec.calibration import DecisionCosts
from slipway.spec.metrics import METRICS, metrics_of
from slipway.stages.gates.gate_numbers import finite
from slipway.stages.model.decision import THRESHOLD
from slipway.stages.report.blocks import Section, Table
from slipway.stages.train.calibration_rows import CALIBRATION_ROWS
from slipway.stages.train.confusion import CONFUSION
from slipway.values.figures import in_few_digits, in_figures


def decision_sections(
    trained: Mapping[str, Number], measured: Mapping[str, Number], costs: DecisionCosts | None
) -> Iterator[Section]:
    """Yield the section about a threshold that was chosen by costs; none where none was.

    Args:
        trained: Numbers of the training.
        measured: Numbers of the evaluation.
        costs: Costs in the spec; None: there are none, or they are not recorded.
    """
    threshold = finite(trained.get(THRESHOLD))
    if threshold is None:
        return
    rows = finite(trained.get(CALIBRATION_ROWS))
    on = "" if rows is None else f" on {rows:,.0f} training rows that the estimator did not see"
    by_classes = [one for one in metrics_of("classification") if METRICS[one].takes == "classes"]
    lines = [
        f"Class 1 is predicted above the score {in_few_digits(threshold)}, which costs least{on}.",
        f"The confusion matrix, fairness, {', '.join(by_classes)} go by it.",
    ]
    if costs is None:
        yield Section("Decision", lines)
        return
    lines.append(
        f"A false positive costs {costs.false_positive:g}, a false negative "
        f"{costs.false_negative:g}; the table is of the holdout."
    )
    yield Section("Decision", lines, _table(threshold, measured, costs))


def _table(threshold: float, measured: Mapping[str, Number], costs: DecisionCosts) -> Table | None:
    """What the model costs, beside the same class for every row; None of an unknown confusion."""
    kept = measured.get(CONFUSION)
    matrix = [] if kept is None else list(json.loads(str(kept))["actual"].values())
    if [len(row) for row in matrix] != [2, 2]:
        return None
    (true_negative, false_positive), (false_negative, true_positive) = matrix
    choices = (
        (f"above {in_few_digits(threshold)}", false_positive, false_negative),
        ("class 1 for each row", true_negative + false_positive, 0),
        ("class 0 for each row", 0, true_positive + false_negative),
    )
    rows = [
        (
            told,
            f"{positive:,}",
            f"{negative:,}",
            in_figures(costs.false_positive * positive + costs.false_negative * negative),
        )
        for told, positive, negative in choices
    ]
    return Table(("class 1 is predicted", "false positives", "false negatives", "cost"), rows)
