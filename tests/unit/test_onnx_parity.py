"""The parity gate: an ONNX form that scores differently is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from slipway.adapters.model_package.onnx_form import OnnxForm
from slipway.adapters.model_package.onnx_parity import compare
from slipway.adapters.model_package.trial_rows import values_beside
from slipway.spec.estimators import ESTIMATORS
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.train.engine_choice import choose_engine
from tests.support import onnx_mutants, packages
from tests.support.onnx_models import form_of, learned

CONVERTED = [name for name, row in ESTIMATORS.items() if row.onnx is not None]
LINES = [name for name in CONVERTED if "linear" in name]
TREES = [name for name in CONVERTED if "linear" not in name]
SCALED_TREES = """
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from {module} import {name}


def estimator(params):
    return Pipeline([("scale", StandardScaler()), ("trees", {name}(n_estimators=20))])
"""
SCALED_XGB = SCALED_TREES.format(module="xgboost", name="XGBClassifier")


@pytest.mark.parametrize(
    ("estimator", "source", "mutate", "kind"),
    [
        (
            "sklearn.ensemble.HistGradientBoostingClassifier",
            None,
            onnx_mutants.numbers_as_floats,
            "values beside splits of wind",
        ),
        (
            "sklearn.ensemble.HistGradientBoostingRegressor",
            None,
            onnx_mutants.numbers_as_floats,
            "values beside splits of wind",
        ),
        (
            "xgboost.XGBClassifier",
            SCALED_XGB,
            onnx_mutants.numbers_as_floats,
            "values beside splits of wind",
        ),
        *(
            (name, None, onnx_mutants.other_side_of_equal, "values beside splits of wind")
            for name in TREES
        ),
        *((name, None, onnx_mutants.gaps_are_zeros, "rows without wind") for name in TREES),
        *((name, None, onnx_mutants.missing_is_unknown, "rows without port") for name in LINES),
    ],
)
def test_the_gate_refuses_a_careless_form(
    estimator: str, source: str | None, mutate: Callable[[OnnxForm], OnnxForm], kind: str
) -> None:
    """One mistake is found on the rows that are made for it, and named."""
    model = learned(estimator, source=source)
    compared = compare(model.package, mutate(form_of(model)), packages.reference(model))
    assert kind in {one.kind for one in compared.checks if not one.agrees}
    engine = choose_engine(compared, labels=model.package.task == "classification")
    assert engine.name == "sklearn"
    assert engine.reason.startswith("parity: ")


def test_a_sample_of_ordinary_rows_would_not_have_told() -> None:
    """A forest's splits lie between its training rows, so those hide a rounding."""
    source = SCALED_TREES.format(module="sklearn.ensemble", name="RandomForestClassifier")
    model = learned("sklearn.ensemble.RandomForestClassifier", source=source)
    careless = onnx_mutants.numbers_as_floats(form_of(model))
    compared = compare(model.package, careless, packages.reference(model))
    by_kind = {one.kind: one for one in compared.checks}
    assert by_kind["training rows"].agrees
    assert by_kind["held-out rows"].agrees
    assert not by_kind["values beside splits of wind"].agrees


@pytest.mark.parametrize("name", CONVERTED)
def test_numbers_beside_a_split_are_neighbours_on_both_sides(name: str) -> None:
    """The split itself, and one float and one double beside it on either side."""
    for split in form_of(learned(name)).splits[:50]:
        values = values_beside(split, RawColumn("wind", "number", required=False, type="number"))
        at = split.threshold
        near = np.float32(at)
        assert {at, np.nextafter(at, -np.inf), np.nextafter(at, np.inf)} <= set(values)
        floats = {float(np.nextafter(near, np.float32(end))) for end in (-np.inf, np.inf)}
        assert floats <= set(values)
