"""`slipway new`: targets of any spelling, gates and expectations that fit a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.new_specs import ROWS, binary, csv_file, planned, several, table, written


@pytest.mark.parametrize(
    ("make", "metric"), [(binary, "roc_auc"), (table, "mean_absolute_error"), (several, "accuracy")]
)
@pytest.mark.parametrize("rows", [150, ROWS])
def test_gates_lie_between_a_constant_and_a_quick_model(
    make: Callable[[], pd.DataFrame], metric: str, rows: int, tmp_path: Path, home: Path
) -> None:
    """A good model passes, and a constant does not; small files are enough for a first model."""
    plan = planned(csv_file(make().head(rows), tmp_path / "houses.csv"))
    assert metric in plan.bars[0].metric
    for bar in plan.bars:
        assert bar.reached is not None
        assert min(bar.constant, bar.reached) < bar.threshold < max(bar.constant, bar.reached)
    sizes = plan.sizes
    assert sizes.first_after_labels <= rows
    assert sizes.min_rows <= rows - sizes.holdout_rows
    assert sizes.min_holdout_rows <= sizes.holdout_rows
    assert sizes.window_rows * 5 <= rows
    model = written(plan, home).models[plan.model]
    assert model.gates.metrics.keys() == {bar.metric for bar in plan.bars}


def test_whole_numbers_without_a_negative_one_have_none_below_zero(tmp_path: Path) -> None:
    """An age of -20 is a bad row; a temperature may fall below what this file has."""
    frame = table().assign(age=lambda one: 20 + one.index % 50)
    frame["heat"] = frame["Size m2"]
    plan = planned(csv_file(frame, tmp_path / "houses.csv"))
    least = {
        one.kwargs["column"]: one.kwargs["min_value"]
        for one in plan.features
        if "min_value" in one.kwargs
    }
    assert least["age"] == 0
    assert least["Size m2"] == 0
    assert least["heat"] < 0


def test_without_a_quick_model_nobody_is_told_that_it_was_poor(tmp_path: Path) -> None:
    """Twelve rows are too few to fit one."""
    plan = planned(csv_file(table(12), tmp_path / "houses.csv"))
    assert any("no quick model was fitted" in one for one in plan.doubts)
    assert not any("hardly better" in one for one in plan.doubts)


def test_classes_of_any_spelling_are_targets(tmp_path: Path, home: Path) -> None:
    """Truth values, 0 and 1, two other numbers, and words; class 1 is named where it must be."""
    frame = binary()
    answer = frame.pop("sold") == "yes"
    for name, (one, other, positive) in {
        "booleans": ("True", "False", None),
        "bits": (1, 0, None),
        "floats": (1.0, 0.0, None),
        "others": (2, 1, 2),
        "words": ("UP", "DOWN", "UP"),
        "reserved": ("no", "yes", "yes"),
    }.items():
        labels = np.where(answer, one, other)
        file = csv_file(frame.assign(target=labels), tmp_path / f"{name}.csv")
        plan = planned(file)
        assert plan.target.task == "classification"
        assert plan.target.positive == positive
        model = written(plan, home).models[plan.model]
        assert model.positive == positive


@pytest.mark.parametrize(("share", "is_offered"), [(0.05, True), (0.3, False)])
def test_weights_are_offered_where_a_class_is_rare(
    share: float, tmp_path: Path, home: Path, *, is_offered: bool
) -> None:
    """As a comment that says what they do: the scores stay probabilities without them."""
    frame = binary(2000)
    frame["sold"] = ["yes" if one < share * 2000 else "no" for one in range(2000)]
    plan = planned(csv_file(frame, tmp_path / "houses.csv"), target="sold")
    model = written(plan, home).models[plan.model]
    assert model.training.class_weights is None
    text = (home / f"include/models/{plan.model}/model.yaml").read_text()
    assert ("  # class_weights: balanced\n" in text) == is_offered
    assert ("no probabilities" in text) == is_offered
