"""Compare the scores of a pipeline and of its ONNX form."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

from slipway.adapters.model_package.onnx_form import OnnxForm
from slipway.adapters.model_package.package import Package
from slipway.adapters.model_package.trial_rows import TrialRows
from slipway.adapters.model_package.trial_sample import sample_trials
from slipway.spec.metrics import Task
from slipway.stages.model.onnx_form import NUMBERS, SCORE, TEXTS, spell_category
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.train.engine_choice import TOLERANCE, ParityCheck, ParityTrial

Scores = np.ndarray[Any, np.dtype[np.float64]]

SINGLE_ROWS = 20
LABEL_BORDER = 0.5
MOST_SECONDS = 60.0
"""No further call begins after so long."""


def compare(
    package: Package,
    form: OnnxForm,
    reference: ReferenceRows,
    *,
    most_seconds: float = MOST_SECONDS,
) -> ParityTrial:
    """Compare both on a bounded sample of trial rows; on none when there is no reference row.

    The first call has rows of the training and one kind of each mistake, and is always made.

    Args:
        package: The pipeline.
        form: Its ONNX form.
        reference: Rows of the training.
        most_seconds: Time after which no further call begins.
    """
    columns = package.pipeline_columns
    rows = package.pipeline_rows(reference.features)
    made = TrialRows(columns, form.splits, replace(reference, features=rows))
    sample = sample_trials(made)
    if not sample.calls:
        return ParityTrial([], kinds=0, rows=0)
    session = _session(form.data)
    checks: list[ParityCheck] = []
    scored: list[tuple[pd.DataFrame, Scores]] = []
    started = time.perf_counter()
    for trials in sample.calls:
        rows = made.frame(trials)
        expected, found = package.score(rows), _scores(session, rows, columns)
        start = 0
        for trial in trials:
            part = slice(start, start + len(trial))
            checks.append(
                compare_scores(trial.kind, expected[part], found[part], task=package.task)
            )
            start = part.stop
        scored.append((rows, expected))
        if time.perf_counter() - started > most_seconds:
            break
    checks.append(_one_by_one(package, session, scored))
    return ParityTrial(checks, kinds=sample.kinds + 1, rows=sample.rows + SINGLE_ROWS)


def _one_by_one(
    package: Package,
    session: onnxruntime.InferenceSession,
    scored: Sequence[tuple[pd.DataFrame, Scores]],
) -> ParityCheck:
    """Compare a few of the scored rows again, each in a call of its own."""
    rows = pd.concat([rows for rows, _ in scored], ignore_index=True)
    expected = np.concatenate([scores for _, scores in scored])
    picked = np.linspace(0, len(rows) - 1, SINGLE_ROWS).astype(int)
    columns = package.pipeline_columns
    singles = [_scores(session, rows.iloc[[row]], columns) for row in picked]
    return compare_scores(
        "rows scored one by one", expected[picked], np.concatenate(singles), task=package.task
    )


def compare_scores(
    kind: str,
    expected: Scores,
    found: Scores,
    *,
    task: Task,
) -> ParityCheck:
    """Compare the scores of one kind of rows.

    Args:
        kind: What the rows have in common.
        expected: The pipeline's scores, of shape (n_rows,), or (n_rows, n_classes).
        found: The ONNX form's scores, of the same shape.
        task: Labels are compared too if it is a classification.
    """
    differences = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
    flips = 0
    if task == "classification":
        flipped = (found > LABEL_BORDER) != (expected > LABEL_BORDER)
        flips = int((flipped & (np.abs(expected - LABEL_BORDER) > TOLERANCE)).sum())
    if task == "multiclass":
        first, second = np.sort(expected, axis=1)[:, :-3:-1].T
        flipped = found.argmax(axis=1) != expected.argmax(axis=1)
        flips = int((flipped & (first - second > TOLERANCE)).sum())
    # A NaN is the maximum, and never within the tolerance.
    return ParityCheck(kind, len(expected), float(differences.max()), flips)


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # Like a server's: more threads would add up sums in another order.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _scores(
    session: onnxruntime.InferenceSession, rows: pd.DataFrame, columns: Sequence[RawColumn]
) -> Scores:
    feed: dict[str, np.ndarray[Any, Any]] = {}
    if numbers := [column.name for column in columns if column.kind == "number"]:
        feed[NUMBERS] = rows[numbers].to_numpy(dtype=np.float64)
    if texts := [column.name for column in columns if column.kind == "string"]:
        feed[TEXTS] = np.array([_spellings(rows[name]) for name in texts], dtype=object).T
    [output] = session.get_outputs()
    scores: Scores = session.run([output.name], feed)[0]
    return scores.ravel() if output.name == SCORE else scores


def _spellings(values: pd.Series[Any]) -> list[str]:
    return [spell_category(text if isinstance(text, str) else None) for text in values]
