"""The table of estimators: one row adds an estimator to specs, training and ONNX."""

from __future__ import annotations

from importlib.metadata import packages_distributions
from inspect import signature
from pathlib import Path
from pkgutil import resolve_name

import pytest
import skops.io

from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.onnx_form.estimators import WRITERS
from slipway.spec.estimators import ESTIMATORS
from tests.support import packages
from tests.support.package_copy import run_with_row

NEW_ROWS = """\
        EstimatorClass(
            "sklearn.ensemble.ExtraTreesRegressor",
            "regression",
            threads="n_jobs",
            trusted_types=("sklearn.tree._tree.Tree",),
            onnx="random_forest",
        ),
        EstimatorClass("sklearn.naive_bayes.GaussianNB", "classification", seed=None),
"""
USE_THEM = """
from pathlib import Path
import numpy as np
from slipway.adapters.model_package import load_package
from tests.support import packages

engines = {"sklearn.ensemble.ExtraTreesRegressor": "onnx",
           "sklearn.naive_bayes.GaussianNB": "sklearn"}
for number, (name, engine) in enumerate(engines.items()):
    params = {"n_estimators": 5} if engine == "onnx" else {}
    loaded = load_package(packages.saved(Path(f"model{number}"), packages.spec(name, **params)))
    assert loaded.predict(packages.rows()).shape == (400,)
    assert loaded.manifest["engine"]["name"] == engine, loaded.manifest["engine"]
"""


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_row_states_params_and_types_that_its_class_has(name: str) -> None:
    """Seed and threads are params of the class; the fitted model has no other trusted types."""
    row = ESTIMATORS[name]
    kind = resolve_name(row.path)
    known = kind().get_params() if "xgboost" in name else signature(kind).parameters
    assert {row.seed, row.threads} - {None} <= set(known)
    assert row.builds(kind())
    assert row.distribution in packages_distributions()[name.partition(".")[0]]
    few = {"n_estimators": 5} if "n_estimators" in known else {}
    spec = packages.spec(name, **few)
    learned = SklearnLearner(spec, packages.dataset(), None).learn(packages.labelled(spec))
    found = skops.io.get_untrusted_types(data=skops.io.dumps(learned.package.pipeline))
    assert set(found) - {"numpy.dtype"} == set(row.trusted_types)


def test_every_writer_is_named_by_a_row_and_every_named_writer_exists() -> None:
    """A row without a writer is served by its pipeline."""
    assert {row.onnx for row in ESTIMATORS.values()} - {None} == set(WRITERS)


def test_adding_an_estimator_is_one_row(tmp_path: Path) -> None:
    """With a row, an estimator is trained, saved and loaded; ONNX serves where a writer fits."""
    run_with_row(tmp_path, table="spec/estimators.py", row=NEW_ROWS, script=USE_THEM)
