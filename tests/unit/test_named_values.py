"""Values and classes that a model's spec names, and no row can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import SpecError
from slipway.spec.loading import load_all
from tests.support import ferry_dataset
from tests.support.small_specs import DATASET, EXPECTATIONS, MODEL
from tests.support.spec_edits import MODEL_FILE, edited
from tests.support.training_env import TrainingEnv, spec

Make = Callable[[Mapping[str, str]], Path]
KINDS = """\
  - expect: expect_column_values_to_be_in_set
    kwargs: {column: kind, value_set: [new, used]}
labels:
"""
GATES = """\
    roc_auc: {threshold: 0.6}
  slices: {named: {mine: {kind: %s}}, min_rows: 20}
  behaviour:
    invariance: [{column: kind, with_values: [new, %s], max_change: 0.1}]
    minimum: {sure: {row: {kind: %s}, above: 0.1}}
"""


def problems(project: Make, model: str, expectations: str, dataset: str = DATASET) -> list[str]:
    """Problems of a project."""
    root = project(
        {
            "datasets/shop/dataset.yaml": dataset,
            "datasets/shop/expectations.yaml": expectations,
            "models/sales/model.yaml": model,
        }
    )
    return [str(one) for one in load_all(root).problems]


def with_gates(slice_value: str, other: str, certain: str) -> str:
    """The model with slices and tests that name kinds."""
    gates = GATES % (slice_value, other, certain)
    return edited(MODEL, "    roc_auc: {threshold: 0.6}\n", gates)


def test_values_outside_the_expected_set_are_named_with_the_allowed_ones(project: Make) -> None:
    """Of slices, invariances and rows; each with its place."""
    known = edited(EXPECTATIONS, "labels:\n", KINDS)
    found = problems(project, with_gates("[used, usde]", "nwe", "old"), known)
    assert len(found) == 3
    assert "gates.slices.named.mine.kind.1: given 'usde', which the expectations" in found[0]
    assert "allowed: new, used; did you mean 'used'?" in found[0]
    assert "invariance.0.with_values.1: given 'nwe'" in found[1]
    assert "minimum.sure.row.kind: given 'old'" in found[2]
    assert not problems(project, with_gates("[used, new]", "used", "new"), known)


@pytest.mark.parametrize(
    "loose",
    [
        ("value_set: [new, used]", "value_set: [new, used], mostly: 0.9"),
        ("to_be_in_set\n", "to_be_in_set\n    severity: warning\n"),
    ],
)
def test_a_set_that_rows_may_leave_refuses_nothing(project: Make, loose: tuple[str, str]) -> None:
    """An expectation of most rows, or one that is a warning."""
    known = edited(EXPECTATIONS, "labels:\n", KINDS)
    assert not problems(project, with_gates("worn", "worn", "worn"), edited(known, *loose))


def test_weights_of_classes_that_a_target_cannot_have_are_named(project: Make) -> None:
    """Truth values without a word of expectations; of texts by their set."""
    weighed = MODEL + "training: {class_weights: {awful: 3}}\n"
    [found] = problems(project, weighed, EXPECTATIONS)
    assert found.startswith(f"{MODEL_FILE}:15: training.class_weights.awful: given 'awful', which")
    assert "is no class of 'sold'; allowed: false, true" in found
    assert not problems(project, edited(weighed, "awful", "'true'"), EXPECTATIONS)
    text = edited(DATASET, "sold: {type: boolean}", "sold: {type: string}")
    named = edited(weighed, "target: sold\n", "target: sold\npositive: good\n")
    words = EXPECTATIONS + (
        "  - expect: expect_column_values_to_be_in_set\n"
        "    kwargs: {column: sold, value_set: [good, bad]}\n"
    )
    [found] = problems(project, named, words, text)
    assert "allowed: bad, good" in found


@pytest.mark.parametrize("kind", ["noise", "missing", "extremes", "unseen"])
def test_a_change_that_no_column_takes_is_named(project: Make, kind: str) -> None:
    """By the kind of the column that it needs."""
    gates = f"    roc_auc: {{threshold: 0.6}}\n  robustness: {{{kind}: 0.1}}\n"
    asked = edited(MODEL, "    roc_auc: {threshold: 0.6}\n", gates)
    assert not problems(project, asked, EXPECTATIONS)
    numbers = "  numeric: [price]\n"
    without = edited(asked, "  categorical: [kind]\n", "") if kind == "unseen" else asked
    without = without if kind == "unseen" else edited(without, numbers, "")
    dataset = DATASET.replace("kind: {type: string}", "kind: {type: string, nullable: false}")
    [found] = problems(project, without, EXPECTATIONS, dataset)
    assert f"gates.robustness.{kind}: has no effect: it changes a" in found


def test_a_class_that_no_label_is_of_is_found_before_the_fit(tmp_path: Path) -> None:
    """Where neither spec lists the classes; texts of the data are counted, never named."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=60))
    env.spec = spec(training={"holdout_days": 10, "min_rows": 500, "class_weights": {"2": 3.0}})
    request = env.ask("first")
    env.snapshot(request)
    with pytest.raises(SpecError, match="names a class that its target does not have") as caught:
        env.train(request, learner=_NoLearner())
    assert caught.value.found == "2"
    assert "training.class_weights" in str(caught.value.where)
    assert "2 classes: " in str(caught.value.expected)


class _NoLearner:
    """Fits nothing."""

    def holdout_start(self, rows: Any) -> None:
        """Leave the split to the spec."""

    def learn(self, rows: Any, **others: Any) -> Any:
        """Fail."""
        raise AssertionError(rows, others)
