"""A pipeline is loaded where it scores as in training, and refused elsewhere."""

from __future__ import annotations

import json
import platform
import shutil
from pathlib import Path
from typing import Any

import pytest
import sklearn

from slipway.adapters.model_package import load_package
from slipway.errors import IncompatibleRuntime
from slipway.records.store import encode
from slipway.serving.model_server.load_engine import load_engine
from slipway.stages.model.manifest import MANIFEST
from tests.support import packages

HERE = ".".join(platform.python_version_tuple()[:2])
# CPython 3.12 sums floats with compensated rounding.
OWN = """
def features(rows):
    tenths = [sum([0.1 * decks] * 10 + [1e16, 1.0, -1e16]) for decks in rows["decks"].tolist()]
    return rows.assign(tenths=tenths)
"""
OTHERS = {
    "CPython": "3.9.1",
    "scikit-learn": "1.2.3",
    "XGBoost": "0.90.0",
}


def saved(folder: Path, estimator: str, source: str | None = None) -> Path:
    """A small model."""
    few = {"n_estimators": 5} if "XGB" in estimator or "Forest" in estimator else {}
    return packages.saved(folder, packages.spec(estimator, **few), source=source)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A linear model, one with features of its own, and one of XGBoost."""
    root = tmp_path_factory.mktemp("versions")
    ridge = "sklearn.linear_model.Ridge"
    return {
        "plain": saved(root / "plain", ridge),
        "own": saved(root / "own", ridge, OWN),
        "xgboost": saved(root / "xgboost", "xgboost.XGBClassifier"),
    }


def trained_with(folder: Path, target: Path, **runtime: Any) -> Path:
    """The same version with other recorded releases in its manifest."""
    shutil.copytree(folder, target)
    manifest = json.loads((target / MANIFEST).read_text())
    (target / MANIFEST).write_bytes(encode(manifest | runtime))
    return target


def test_a_manifest_records_what_its_pipeline_depends_on(folders: dict[str, Path]) -> None:
    """Full releases; XGBoost's only where the pipeline holds its model."""
    found = {name: load_package(folder).manifest["runtime"] for name, folder in folders.items()}
    assert found["plain"] == found["own"]
    assert found["plain"] == {
        "CPython": platform.python_version(),
        "scikit-learn": sklearn.__version__,
    }
    assert found["xgboost"].keys() == {"CPython", "scikit-learn", "XGBoost"}


@pytest.mark.parametrize(
    ("version", "name", "trained"),
    [
        ("own", "CPython", "3.9"),
        ("plain", "scikit-learn", "1.2"),
        ("xgboost", "XGBoost", "0.90"),
    ],
)
def test_a_pipeline_is_refused_where_it_can_answer_differently(
    tmp_path: Path, folders: dict[str, Path], version: str, name: str, trained: str
) -> None:
    """The refusal has the recorded and the found release, and a hint."""
    runtime = {
        "runtime": load_package(folders[version]).manifest["runtime"] | {name: f"{trained}.1"}
    }
    with pytest.raises(IncompatibleRuntime) as refusal:
        load_engine(trained_with(folders[version], tmp_path / "delay", engine=None, **runtime))
    assert refusal.value.expected == f"{name} {trained}, as in training"
    assert refusal.value.found is not None
    assert refusal.value.found.startswith(f"{name} ")
    assert f"an image that has {name} {trained}, or train" in str(refusal.value.hint)


@pytest.mark.parametrize(
    ("version", "change"),
    [
        ("plain", {"CPython": "3.9.1"}),
        ("own", {"CPython": f"{HERE}.99"}),
        ("plain", {"scikit-learn": f"{sklearn.__version__}.post1"}),
    ],
)
def test_a_pipeline_is_loaded_where_nothing_it_depends_on_differs(
    tmp_path: Path, folders: dict[str, Path], version: str, change: dict[str, str]
) -> None:
    """Another CPython is no difference without a `pipeline.py`; nor is another patch release."""
    runtime = load_package(folders[version]).manifest["runtime"] | change
    load_package(trained_with(folders[version], tmp_path / "delay", runtime=runtime))


def test_a_version_that_records_nothing_is_loaded(tmp_path: Path, folders: dict[str, Path]) -> None:
    """Older versions recorded no releases."""
    load_package(trained_with(folders["own"], tmp_path / "delay", runtime=None))


def test_the_onnx_form_depends_on_none_of_them(tmp_path: Path, folders: dict[str, Path]) -> None:
    """A server can use it whatever the pipeline was trained with."""
    folder = trained_with(folders["xgboost"], tmp_path / "delay", runtime=OTHERS)
    assert load_engine(folder).name == "onnx"
    with pytest.raises(IncompatibleRuntime, match="can answer differently"):
        load_package(folder)
