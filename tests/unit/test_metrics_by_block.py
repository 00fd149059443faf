"""Metrics of resampled blocks: the same value as on rows that are really repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.metrics import BlockGains, measure
from slipway.adapters.metrics.by_block.block_rows import BlockRows
from slipway.adapters.metrics.by_block.recomputed import Recomputed
from slipway.spec.metrics import METRICS, Metric, Task
from slipway.stages.ports.metrics import Gain, Resampling

ROWS, BLOCKS = 400, 12
CASES = [
    (name, task)
    for name, row in METRICS.items()
    for task in ("classification", "multiclass", "regression")
    if row.measures(task)
]


def _labels_and_scores(task: Task, *, seed: int) -> tuple[Any, Any]:
    """Labels and scores that are neither good nor bad, with ties."""
    random = np.random.default_rng(seed)
    if task == "regression":
        labels = random.normal(50, 10, ROWS)
        return labels, labels + random.normal(0, 5, ROWS)
    if task == "multiclass":
        labels = random.integers(0, 3, ROWS)
        chances = random.dirichlet(np.ones(3), ROWS) + np.eye(3)[labels] * 0.4
        return labels, chances / chances.sum(axis=1, keepdims=True)
    labels = random.integers(0, 2, ROWS)
    return labels, (0.25 + labels * 0.2 + random.random(ROWS) * 0.5).round(2)


def _blocks() -> np.ndarray[Any, Any]:
    return np.sort(np.random.default_rng(3).integers(0, BLOCKS, ROWS))


def _resampling(**fields: Any) -> Resampling:
    return replace(
        Resampling(_blocks(), BLOCKS, in_order=True, resamples=400, confidence=0.95, seed=7),
        **fields,
    )


def _gain(name: str, labels: Any, challenger: Any, other: Any, **fields: Any) -> Gain | None:
    found: Mapping[str, Gain | None] = BlockGains.of_metrics(
        [name],
        actual=pd.Series(labels),
        challenger=challenger,
        other=other,
        resampling=_resampling(**fields),
    )
    return found[name]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_a_resample_has_the_metric_of_its_rows(name: str, task: Task) -> None:
    """Each block as often as it was drawn, by the very function that gates and MLflow show."""
    labels, scores = _labels_and_scores(task, seed=1)
    blocks = _blocks()
    prepared = resolve_name(METRICS[name].by_block)(BlockRows(labels, scores, blocks, BLOCKS))
    weights = np.random.default_rng(2).multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), size=20)
    found = prepared.values(np.vstack([np.ones(BLOCKS), weights]).astype(float))
    for value, counts in zip(found, [np.ones(BLOCKS, int), *weights], strict=True):
        rows = np.repeat(np.arange(ROWS), counts[blocks])
        expected = measure([name], actual=pd.Series(labels[rows]), scores=scores[rows])[name]
        assert value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_without_a_form_of_its_own_is_computed_anew(name: str) -> None:
    """A new row of the table needs none; the gain is the same, only later."""
    task = METRICS[name].task
    labels, scores = _labels_and_scores(task, seed=1)
    rows = BlockRows(labels, scores, _blocks(), BLOCKS)
    weights = np.random.default_rng(2).integers(0, 3, (5, BLOCKS)).astype(float)
    metric: Metric = replace(METRICS[name], by_block="")
    fast = resolve_name(METRICS[name].by_block)(rows)
    assert Recomputed(rows, metric).values(weights) == pytest.approx(fast.values(weights))


@pytest.mark.parametrize(("name", "task"), CASES)
def test_a_better_challenger_has_a_positive_gain(name: str, task: Task) -> None:
    """In the metric's own direction; the other way round it is a loss of the same size."""
    labels, scores = _labels_and_scores(task, seed=1)
    worse = np.random.default_rng(9).permutation(scores)
    better, turned = (_gain(name, labels, *pair) for pair in ((scores, worse), (worse, scores)))
    assert better is not None
    assert turned is not None
    assert better.upper > better.value > max(better.lower, 0)
    assert turned.value == pytest.approx(-better.value)
    assert turned.upper == pytest.approx(-better.lower)


def test_a_model_gains_nothing_over_itself() -> None:
    """The bounds are those of a difference, so rows that are hard for both do not widen them."""
    labels, scores = _labels_and_scores("classification", seed=1)
    assert _gain("roc_auc", labels, scores, scores) == Gain(0.0, 0.0, 0.0, 0.0, BLOCKS)


def test_the_same_seed_gives_the_same_bounds() -> None:
    """A gate can be computed again from its record."""
    labels, scores = _labels_and_scores("regression", seed=1)
    worse = scores + np.random.default_rng(9).normal(0, 1, ROWS)
    first, again, other = (
        _gain("r2_score", labels, scores, worse, seed=seed) for seed in (7, 7, 8)
    )
    assert first == again != other


def test_blocks_that_resemble_their_neighbours_count_as_fewer() -> None:
    """Of 40 blocks whose errors come in waves; out of order each counts."""
    blocks = np.repeat(np.arange(40), 10)
    wave = np.sin(np.arange(40) / 3)[blocks]
    labels, challenger = np.zeros(ROWS), wave
    other = np.full(ROWS, 1.0)
    fields = {"blocks": blocks, "count": 40}
    waves = _gain("mean_absolute_error", labels, challenger, other, **fields)
    apart = _gain("mean_absolute_error", labels, challenger, other, in_order=False, **fields)
    assert waves is not None
    assert apart is not None
    assert waves.independent < 20 < apart.independent == 40
    assert waves.error > 1.4 * apart.error


def test_a_metric_that_most_resamples_lack_has_no_gain() -> None:
    """Where one block alone holds a class, each third resample is without it."""
    labels, scores = _labels_and_scores("classification", seed=1)
    rare = np.where(_blocks() == 0, labels, 0)
    assert _gain("roc_auc", rare, scores, scores) is None
