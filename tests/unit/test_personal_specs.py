"""Specs of personal columns, and the columns that gates divide rows by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pytest

from slipway.spec.loading import load_all
from slipway.spec.slices import Slices
from slipway.stages.gates.holdout_slices import slices_of
from slipway.stages.monitor.kpis.kpi_views import view_types
from tests.support import ferry_dataset
from tests.support.small_specs import FILES
from tests.support.spec_edits import MODEL_FILE, broken_dataset


def problems(project: Callable[[Mapping[str, str]], Path], old: str, new: str) -> list[str]:
    """Problems of a project with an edit of its dataset."""
    return [str(one) for one in load_all(project({**FILES, **broken_dataset(old, new)})).problems]


def test_a_personal_number_is_no_numeric_feature(
    project: Callable[[Mapping[str, str]], Path],
) -> None:
    """Splits of trees and medians are values of persons; as a category it is hashed."""
    [found] = problems(project, "price: {type: number}", "price: {type: number, pii: drop}")
    assert f"{MODEL_FILE}:6: features.numeric.0: 'price' is personal" in found
    assert "deliver a coarser column" in found
    assert "categorical" not in found
    [found] = problems(project, "price: {type: number}", "price: {type: integer, pii: drop}")
    assert "list it under `categorical`" in found
    assert not problems(project, "kind: {type: string}", "kind: {type: string, pii: hash}")


def test_a_personal_column_is_no_target(project: Callable[[Mapping[str, str]], Path]) -> None:
    """A version's folder holds labels of its holdout."""
    [found] = problems(project, "sold: {type: boolean}", "sold: {type: boolean, pii: hash}")
    assert f"{MODEL_FILE}:4: target: 'sold' is personal" in found


@pytest.mark.parametrize("values", [["Ada", "Bo", "Ada", None], [1.5, 7.25, 3.5, None]])
def test_groups_of_a_personal_column_have_numbers(values: list[str | float | None]) -> None:
    """Their rows are those of the values, and no name holds a value."""
    rows = pd.DataFrame({"who": values * 20})
    slices = Slices(columns=["who"], bins=2, min_rows=20)
    plain = slices_of(rows, slices)
    hidden = slices_of(rows, slices, personal={"who"})
    assert set(hidden) == {"who = (missing)", "who = (1)", "who = (2)"} - (
        {"who = (2)"} if len(plain) == 2 else set()
    )
    assert [one.tolist() for one in hidden.values()] == [one.tolist() for one in plain.values()]


def test_queries_of_kpis_see_no_personal_column() -> None:
    """Their number could be a person's value, and files of a view lie in a scratch folder."""
    dataset, model = ferry_dataset.dataset(pii={"port": "hash"}), ferry_dataset.model()
    views = view_types(model, dataset)
    assert [view for view, columns in views.items() if "port" in columns] == []
    assert "wind" in views["features"]
    assert "wind" in views["predictions"]
    assert "port" in view_types(model, ferry_dataset.dataset())["features"]
