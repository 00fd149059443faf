"""The folder of a model version: training, saving, loading and scoring."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.errors import BadRequest, SpecError, Tampered
from slipway.records.store import digest, encode
from slipway.stages.model.manifest import MANIFEST, PIPELINE_PY
from slipway.stages.ports.raw_column import RawColumn
from tests.support import packages

SOURCE_TEXT = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

FACTOR = 1.0


def features(frame):
    return frame.assign(double=frame["wind"] * FACTOR)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved logistic regression; tests that change it copy it first."""
    target = tmp_path_factory.mktemp("package") / "delay"
    return packages.saved(target, packages.spec("sklearn.linear_model.LogisticRegression"))


@pytest.mark.parametrize("estimator", packages.ESTIMATORS)
def test_every_estimator_of_the_spec_answers_the_same_once_loaded(
    tmp_path: Path, estimator: str
) -> None:
    """Saving as skops and loading changes no score, with one thread."""
    trees = {"n_estimators": 5} if "XGB" in estimator or "Forest" in estimator else {}
    spec = packages.spec(estimator, **trees)
    learned = SklearnLearner(spec, packages.dataset(), None).learn(packages.labelled(spec))
    package = load_package(packages.saved(tmp_path / "delay", spec))
    scores = package.predict(packages.rows())
    assert np.array_equal(scores, learned.predict(packages.rows()))
    assert scores.dtype == np.float64
    assert scores.shape == (400,)
    threads = {k: v for k, v in package.pipeline.get_params().items() if k.endswith("n_jobs")}
    assert set(threads.values()) == {1}


def test_the_signature_lists_raw_columns(folder: Path) -> None:
    """Numbers first, with declared types; columns that are nullable in the dataset are optional."""
    assert load_package(folder).signature_columns == (
        RawColumn("wind", "number", required=False, type="number"),
        RawColumn("decks", "number", required=True, type="integer"),
        RawColumn("port", "string", required=False, type="string"),
        RawColumn("berth", "string", required=False, type="integer"),
    )


def test_rows_with_gaps_and_new_categories_are_scored(folder: Path) -> None:
    """A null, an unseen category and an absent optional column."""
    package = load_package(folder)
    rows = pd.DataFrame({"decks": [1, 2], "port": [None, "Ullapool"], "wind": [None, 1]})
    scores = package.predict(rows)
    assert np.isfinite(scores).all()
    assert package.predict(rows.iloc[:0]).shape == (0,)


def test_an_integer_category_is_one_category_in_any_type(folder: Path) -> None:
    """As text, as an integer, and as the float that a null beside it makes."""
    package = load_package(folder)
    rows = pd.DataFrame({"decks": [1], "wind": [0.5], "port": ["Oban"]})
    berths: list[Any] = ["1", 1, 1.0, pd.array([1], "Int64")[0]]
    scores = {package.predict(rows.assign(berth=[berth]))[0] for berth in berths}
    assert len(scores) == 1


@pytest.mark.parametrize("value", ["seven", float("inf")])
def test_a_value_that_cannot_be_cast_names_its_column_only(folder: Path, value: Any) -> None:
    """The refusal has the column and no value."""
    with pytest.raises(BadRequest) as refusal:
        load_package(folder).predict(pd.DataFrame({"decks": [value]}))
    assert "where: column decks" in str(refusal.value)
    assert not {str(value), f"{value},", f"'{value}'"} & set(str(refusal.value).split())


def test_a_required_column_has_to_be_there(folder: Path) -> None:
    """A row without it cannot be scored."""
    with pytest.raises(BadRequest, match="decks"):
        load_package(folder).predict(pd.DataFrame({"wind": [1.0]}))


def test_the_example_beside_the_model_is_made_up(folder: Path) -> None:
    """MLflow's input example holds no row of the training data."""
    example = json.loads((folder / "input_example.json").read_text())
    assert example["data"] == [[1.0, 1.0, "example", "example"]]


def test_requirements_are_exact(folder: Path) -> None:
    """The recorded releases are the ones that the version was saved with."""
    lines = (folder / "requirements.txt").read_text().split()
    assert {line.partition("==")[0] for line in lines} >= {"scikit-learn", "skops", "xgboost-cpu"}
    assert all("==" in line for line in lines)


def test_a_changed_model_file_is_not_loaded(tmp_path: Path) -> None:
    """The digest refuses one changed byte before anything is loaded."""
    target = packages.saved(tmp_path / "delay", packages.spec("sklearn.linear_model.Ridge"))
    (target / "model.skops").write_bytes((target / "model.skops").read_bytes() + b" ")
    with pytest.raises(Tampered, match=r"model\.skops"):
        load_package(target)


def test_types_beyond_the_trusted_are_not_built(tmp_path: Path) -> None:
    """A manifest cannot extend the list of types that a model file may hold."""
    target = packages.saved(tmp_path / "delay", packages.spec("sklearn.linear_model.Ridge"))
    manifest = json.loads((target / MANIFEST).read_text())
    for listed, refused in ((["os.system"], "os.system"), ([], "numpy.dtype")):
        (target / MANIFEST).write_bytes(encode(manifest | {"trusted_types": listed}))
        with pytest.raises(Tampered, match=refused):
            load_package(target)


def test_editing_pipeline_py_changes_no_answer_of_a_version(tmp_path: Path) -> None:
    """The version imports its own copy of the source."""
    live = tmp_path / "pipeline.py"
    live.write_text(SOURCE_TEXT)
    spec = packages.spec("sklearn.linear_model.LogisticRegression")
    target = packages.saved(tmp_path / "delay", spec, source=live.read_text())
    before = load_package(target).predict(packages.rows())
    live.write_text(SOURCE_TEXT.replace("FACTOR = 1.0", "FACTOR = -100.0"))
    assert np.array_equal(load_package(target).predict(packages.rows()), before)
    edited = SklearnLearner(spec, packages.dataset(), live.read_text()).learn(packages.rows())
    assert edited.own is not None
    assert edited.own.__name__ != f"slipway_model_delay_{digest(SOURCE_TEXT.encode())[:12]}"
    assert np.array_equal(load_package(target).predict(packages.rows()), before)


def test_pipeline_py_may_bring_transformer_and_estimator(tmp_path: Path) -> None:
    """Classes of the version's own module are trusted, and of no other."""
    source = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline


class Clip(TransformerMixin, BaseEstimator):
    def __init__(self, limit=1.0):
        self.limit = limit

    def fit(self, rows, labels=None):
        self.fitted_ = True
        return self

    def transform(self, rows):
        return np.clip(rows, -self.limit, self.limit)


def estimator(params):
    return Pipeline([("clip", Clip()), ("learn", LogisticRegression(C=params["C"]))])


def split(rows):
    return rows["at"].iloc[300]
"""
    spec = packages.spec("sklearn.linear_model.LogisticRegression", C=0.5)
    target = packages.saved(tmp_path / "delay", spec, source=source)
    package = load_package(target)
    own = f"slipway_model_delay_{digest(source.encode())[:12]}"
    assert f"{own}.Clip" in package.manifest["trusted_types"]
    learner = SklearnLearner(spec, packages.dataset(), source)
    assert learner.holdout_start(packages.rows()) == packages.rows()["at"].iloc[300]
    (target / PIPELINE_PY).write_text(source.replace("limit=1.0", "limit=2.0"))
    with pytest.raises(Tampered, match=r"pipeline\.py"):
        load_package(target)


@pytest.mark.parametrize(
    ("estimator", "params", "source", "message"),
    [
        ("xgboost.XGBClassifier", {"max_depth": "deep"}, None, "cannot learn"),
        ("sklearn.linear_model.Ridge", {"alhpa": 1.0}, None, "alhpa"),
        ("sklearn.linear_model.Ridge", {}, "import no_such_thing", "no_such_thing"),
    ],
)
def test_a_failing_estimator_is_a_spec_error(
    estimator: str, params: dict[str, Any], source: str | None, message: str
) -> None:
    """The error names the wrong param or the broken pipeline.py, and is permanent."""
    with pytest.raises(SpecError, match=message):
        SklearnLearner(packages.spec(estimator, **params), packages.dataset(), source).learn(
            packages.rows()
        )


def test_a_transformer_from_elsewhere_cannot_be_saved(tmp_path: Path) -> None:
    """A type that could not be loaded is refused when it is saved."""
    source = "def features(frame):\n    return frame\n"
    learner = SklearnLearner(
        packages.spec("sklearn.linear_model.Ridge"), packages.dataset(), source
    )
    learned = learner.learn(packages.rows())
    reference = packages.reference(learned)
    learned.package.pipeline.named_steps["features"].func = shutil.which
    with pytest.raises(SpecError, match=r"shutil\.which"):
        learned.save(tmp_path / "delay", facts={}, reference=reference)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"null", b"5", b"[" * 100_000, b"\xff\xfe", b"{}"),
        *(b'{"files": null}', b'{"files": {"a": 1}}', b'{"files": {}, "model": 1}'),
        *(b'{"files": {}, "runtime": %s}' % one for one in (b"5", b'["CPython"]', b"[]", b'""')),
        *(b'{"files": {}, "runtime": {"CPython": %s}}' % one for one in (b"3", b"null", b"{}")),
        *(b'{"files": {}, "trusted_types": %s}' % one for one in (b"null", b"[1]", b'"a"')),
        b'{"files": {}, "model": "delay", "task": "classification"}',
    ],
)
def test_a_malformed_manifest_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    """Whatever it holds, with the file and a hint; none of Python's own errors."""
    (tmp_path / MANIFEST).parent.mkdir()
    (tmp_path / MANIFEST).write_bytes(data)
    with pytest.raises(Tampered, match="manifest of a model version") as refused:
        load_package(tmp_path)
    assert "manifest.json" in str(refused.value.where)
    assert refused.value.hint
