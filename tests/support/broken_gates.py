"""One project per kind of mistake in gates, with the message that its author reads."""

from __future__ import annotations

from tests.support.spec_edits import (
    MODEL_FILE,
    broken_model,
)

BROKEN_GATES: dict[str, tuple[dict[str, str], str]] = {
    "gate that does not fit the task": (
        broken_model("    roc_auc: {threshold", "    r2_score: {threshold"),
        f"{MODEL_FILE}:12: gates.metrics.r2_score: .* does not fit task classification\n  hint: ",
    ),
    "performance that does not fit the task": (
        broken_model("{metric: roc_auc", "{metric: r2_score"),
        f"{MODEL_FILE}:14: monitoring.performance.metric: r2_score does not fit",
    ),
    "estimator that does not fit the task": (
        broken_model("LogisticRegression", "Ridge"),
        f"{MODEL_FILE}:9: estimator.name: sklearn.linear_model.Ridge does not fit",
    ),
    "gate in the wrong direction": (
        broken_model("{threshold: 0.6}", "{threshold: 0.6, greater_is_better: false}"),
        (
            f"{MODEL_FILE}:12: gates.metrics.roc_auc.greater_is_better: "
            "roc_auc is better when it is greater\n  hint: remove greater_is_better"
        ),
    ),
    "gate without a bar": (
        broken_model("threshold: 0.6", "compare: point"),
        "gates.metrics.roc_auc: sets no bar, so every challenger passes",
    ),
    "slice of a column that is not there": (
        broken_model(
            "    roc_auc: {threshold: 0.6}", "    roc_auc: {}\n  slices: {columns: [wnd]}"
        ),
        f"{MODEL_FILE}:13: gates.slices.columns.0: given 'wnd'",
    ),
    "range of a text": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {}\n  slices: {named: {far: {kind: {min: 1}}}}",
        ),
        f"{MODEL_FILE}:13: gates.slices.named.far.kind: is for a column of type integer or number",
    ),
    "calibration of a share by time": (
        broken_model("gates:\n", "training: {calibration: {share: 0.2}}\ngates:\n"),
        "training.calibration.share: .*has no effect: the split is by time",
    ),
    "costs without rows to choose by": (
        broken_model(
            "gates:\n",
            "training: {decision: {false_positive: 1.0, false_negative: 4.0}}\ngates:\n",
        ),
        "training.decision: .*needs rows that the estimator does not see",
    ),
    "sensitive column that is not there": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {}\n"
            "  fairness: {columns: [sx], metrics: {demographic_parity_ratio: 0.8}}",
        ),
        f"{MODEL_FILE}:13: gates.fairness.columns.0: given 'sx'",
    ),
    "fairness metric of another task": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {}\n"
            "  fairness: {columns: [kind], metrics: {mean_prediction_difference: 1.0}}",
        ),
        "gates.fairness.metrics.mean_prediction_difference: .*does not fit task classification",
    ),
    "intersection of a column that is none of them": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {}\n  fairness: {columns: [kind], intersections: [[kind, size]], "
            "metrics: {demographic_parity_ratio: 0.8}}",
        ),
        "gates.fairness.intersections: .*size is none of `columns`",
    ),
    "share that no two groups can have": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {}\n"
            "  fairness: {columns: [kind], metrics: {equalized_odds_difference: 3.0}}",
        ),
        "gates.fairness.metrics.equalized_odds_difference: .*is between 0 and 1",
    ),
    "known column that is no feature": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n  sanity: {known_columns: [prise]}",
        ),
        (
            f"{MODEL_FILE}:13: gates.sanity.known_columns.0: given 'prise', which is no feature "
            "of .*did you mean 'price'"
        ),
    ),
    "sanity limit that is none": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n  sanity: {duplicates: 30}",
        ),
        f"{MODEL_FILE}:13: gates.sanity.duplicates.*expected false, or a share above 0",
    ),
    "latency of a deployment that nobody waits for": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n  operational: {max_p99_ms: 20.0}\ndeployment: batch",
        ),
        f"{MODEL_FILE}:13: gates.operational.max_p99_ms: has no effect: the target is batch",
    ),
    "operational gates without a limit": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n  operational: {}",
        ),
        f"{MODEL_FILE}:13: gates.operational.*: operational gates need a limit",
    ),
    "operational limit of nothing": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n  operational: {max_size_mib: 0}",
        ),
        f"{MODEL_FILE}:13: gates.operational.max_size_mib: ",
    ),
    "robustness without a change": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n  robustness: {max_drop: 0.1}",
        ),
        f"{MODEL_FILE}:13: gates.robustness.*: robustness needs one of noise, missing",
    ),
    "behaviour of a column that is no feature": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n"
            "  behaviour: {invariance: [{column: kin, max_change: 0.1}]}",
        ),
        (
            f"{MODEL_FILE}:13: gates.behaviour.invariance.0.column: given 'kin', which is no "
            "feature of .*did you mean 'kind'"
        ),
    ),
    "direction of a text": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n"
            "  behaviour: {direction: [{column: kind, by: 1, score: not_lower}]}",
        ),
        "gates.behaviour.direction.0.column: 'kind' is of type string; expected integer or number",
    ),
    "certain row with a value of another type": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n"
            "  behaviour: {minimum: {dear: {row: {price: high}, above: 0.5}}}",
        ),
        "gates.behaviour.minimum.dear.row.price: is for a column of type string; 'price' is of .*",
    ),
    "certain row without a side": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n  behaviour: {minimum: {dear: {row: {price: 9.5}}}}",
        ),
        "gates.behaviour.minimum.dear.*: expected `above` or `below`",
    ),
    "class of a task with one score": (
        broken_model(
            "    roc_auc: {threshold: 0.6}",
            "    roc_auc: {threshold: 0.6}\n  behaviour: {direction: "
            "[{column: price, by: 1, score: not_lower, of_class: 1}]}",
        ),
        "gates.behaviour.direction.0.of_class: is of `task: multiclass` only",
    ),
    "margin without its rule": (
        broken_model("{threshold: 0.6}", "{compare: better, margin: 0.1}"),
        "gates.metrics.roc_auc.*: `compare: not_worse` and `margin` belong together",
    ),
}
