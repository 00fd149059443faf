"""Raw columns by their declared types: one canonical text, one range, in both engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.columns import cast
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.onnx_model import load_onnx
from slipway.errors import BadRequest
from slipway.serving.model_server.load_engine import load_engine
from slipway.serving.model_server.pipeline_engine import load_pipeline
from slipway.serving.v2.column_values import model_values
from slipway.serving.v2.errors import Mismatch
from slipway.serving.v2.protocol import decode
from slipway.serving.v2.tensors import Tensor
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.import_version.schema_compat import schema_differences
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.monitor.reference.columns import monitored_columns, tidy
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.ports.raw_column import RawColumn, signature_of
from slipway.stages.rollout.v2_encode import encode_rows
from tests.support.row_identities import named_identity

DATASET = DatasetSpec.model_validate(
    {
        "dataset": "ferries",
        "key": "crossing",
        "event_time": "at",
        "streams": {
            "features": {
                "columns": {
                    "crossing": {"type": "integer", "nullable": False},
                    "at": {"type": "timestamp", "nullable": False},
                    "wind": {"type": "number"},
                    "cars": {"type": "integer"},
                    "full": {"type": "boolean"},
                    "night": {"type": "boolean"},
                    "berth": {"type": "integer"},
                }
            },
            "labels": {"columns": {"crossing": {"type": "integer"}, "late": {"type": "integer"}}},
        },
    }
)


MODEL = ModelSpec.model_validate(
    {
        "model": "delay",
        "dataset": "ferries",
        "task": "classification",
        "target": "late",
        "features": {"numeric": ["wind", "cars", "full"], "categorical": ["night", "berth"]},
        "estimator": {"name": "xgboost.XGBClassifier", "params": {"n_estimators": 20}},
        "gates": {"metrics": {"roc_auc": {}}},
        "monitoring": {"performance": {"metric": "roc_auc", "max_absolute_drop": 0.1}},
    }
)


def crossings(count: int = 400) -> pd.DataFrame:
    """Crossings as the features table has them, late by night and at berth 3."""
    random = np.random.default_rng(1)
    night, berth = random.random(count) < 0.5, random.integers(1, 4, count)
    late = (random.random(count) < 0.05 + 0.6 * night + 0.3 * (berth == 3)).astype("int64")
    return pd.DataFrame(
        {
            "crossing": pd.array(np.arange(count), dtype="Int64"),
            "at": pd.date_range("2013-01-01", periods=count, freq="h", tz="UTC"),
            "wind": random.normal(size=count),
            "cars": pd.array(random.integers(0, 90, count), dtype="Int64"),
            "full": pd.array(random.random(count) < 0.5, dtype="boolean"),
            "night": pd.array(
                [None if n % 50 == 0 else bool(one) for n, one in enumerate(night)], dtype="boolean"
            ),
            "berth": pd.array(
                [None if n % 40 == 0 else int(one) for n, one in enumerate(berth)], dtype="Int64"
            ),
            "late": late,
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved version that learnt truth values and integers as categories."""
    rows = crossings()
    learned = SklearnLearner(MODEL, DATASET, None).learn(rows)
    saved = tmp_path_factory.mktemp("typed") / "delay"
    facts = {"model": "delay", "task": "classification", "key": "crossing", "event_time": "at"}
    reference = ReferenceRows(
        features=rows[MODEL.features.names],
        times=rows["at"],
        scores=learned.predict(rows),
        held_out=np.arange(len(rows)) >= 300,
    )
    learned.save(saved, facts=facts, reference=reference)
    return saved


def test_typed_categories_pass_the_parity_gate(folder: Path) -> None:
    """Trial rows are values of the declared types, so that the ONNX form is chosen."""
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["engine"]["name"] == "onnx", manifest["engine"]["reason"]
    assert manifest["ranges"]["categories"] == {
        "night": ["false", "true"],
        "berth": ["1", "2", "3"],
    }
    assert {one["name"]: one["type"] for one in manifest["features"]} == {
        "wind": "number",
        "cars": "integer",
        "full": "boolean",
        "night": "boolean",
        "berth": "integer",
    }
    assert manifest["key_type"] == "integer"


SPELLINGS: dict[str, list[tuple[str, Any]]] = {
    "night": [("BOOL", True), ("BYTES", "true"), ("BYTES", "TRUE"), ("INT64", 1), ("FP64", 1.0)],
    "berth": [("INT64", 3), ("BYTES", "3"), ("BYTES", "03"), ("UINT8", 3), ("FP64", 3.0)],
}


@pytest.mark.parametrize("engine", ["onnx", "sklearn"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_of_a_category_has_one_score(folder: Path, engine: str, name: str) -> None:
    """BOOL, INT64, `true` and `TRUE` are one category, learnt as such, in both engines."""
    loaded = load_engine(folder) if engine == "onnx" else load_pipeline(folder)
    assert loaded.name == engine
    columns = signature_of(MODEL, DATASET)
    rows = crossings(60).tail(1)
    expected = load_package(folder).predict(rows.assign(**{name: SPELLINGS[name][0][1]}))
    scores = set()
    for datatype, cell in SPELLINGS[name]:
        asked = encode_rows(rows, columns, identity=named_identity("crossing", "at"))
        for tensor in asked["inputs"]:
            if tensor["name"] == name:
                tensor.update(datatype=datatype, data=[cell])
        inputs = decode(json.dumps(asked).encode(), loaded.signature, max_rows=1)
        assert inputs.keys == ["59"]
        scores.add(round(float(loaded.score(list(inputs.columns.values()))[0]), 6))
    assert scores == {round(float(expected[0]), 6)}


@pytest.mark.parametrize(
    ("wind", "is_taken"),
    [
        *((1e30, True), (-1e30, True), (None, True)),
        *((3.4e38, False), (-3.4e38, False), (1e39, False)),
        *((float("inf"), False), (float("-inf"), False), (1.0000000000000002e30, False)),
    ],
)
def test_both_engines_have_one_range(folder: Path, wind: float | None, *, is_taken: bool) -> None:
    """The training frame, the pipeline and requests of the ONNX form refuse the same numbers."""
    values: list[list[Any]] = [[0.5, wind], [3, 3], [1, 0], ["true", None], ["1", "2"]]
    frame = pd.DataFrame(dict(zip(MODEL.features.names, values, strict=True)))
    model = load_onnx(folder)
    datatypes = ["FP64", "INT64", "INT64", "BYTES", "BYTES"]
    sent = [
        Tensor(column.name, [2], datatype, cells)
        for column, datatype, cells in zip(model.columns, datatypes, values, strict=True)
    ]

    def told(score: Any) -> str:
        try:
            return "taken" if np.isfinite(score()).all() else "not finite"
        except Mismatch as error:
            return error.message
        except BadRequest as error:
            return f"{error.found}; {error.where}"

    verdicts = {
        told(lambda: load_package(folder).predict(frame)),
        told(lambda: load_pipeline(folder).score(values)),
    }
    refused = "the value in row 1 is beyond \u00b11e30; column wind"
    assert verdicts == {"taken" if is_taken else refused}
    in_a_request = "column 'wind' has a value in row 1 that is beyond \u00b11e30"
    scored = told(lambda: model.score(list(map(model_values, sent, model.columns))))
    assert scored == ("taken" if is_taken else in_a_request)


def test_monitoring_compares_canonical_texts(folder: Path) -> None:
    """Truth values of the reference and of a score table are the texts of the prediction log."""
    manifest = json.loads((folder / MANIFEST).read_text())
    columns, _ = monitored_columns(manifest, MODEL, DATASET)
    stored = tidy(crossings(), columns)
    logged = tidy(cast(crossings(), signature_of(MODEL, DATASET)), columns)
    for name in ("night", "berth"):
        assert set(stored[name].dropna()) == set(manifest["ranges"]["categories"][name])
        pd.testing.assert_series_equal(stored[name], logged[name], check_dtype=False)
    without_types = [{**one, "type": None} for one in manifest["features"]]
    columns, _ = monitored_columns({**manifest, "features": without_types}, MODEL, DATASET)
    assert set(tidy(crossings(), columns)["night"].dropna()) == {"True", "False"}


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({}, None),
        ({"key_type": "string"}, "column crossing: expected type integer, found string"),
        ({"key_type": None}, None),
    ],
)
def test_a_version_of_other_types_fits_no_other_environment(
    folder: Path, changes: dict[str, Any], difference: str | None
) -> None:
    """Its keys and categories would be other texts; one without types is taken as before."""
    manifest = json.loads((folder / MANIFEST).read_text()) | changes
    found = [one for one in schema_differences(MODEL, DATASET, manifest) if "type" in one]
    assert found == ([] if difference is None else [difference])
    other = DATASET.model_copy(deep=True)
    columns = other.streams.features.columns
    columns["night"] = columns["night"].model_copy(update={"type": "string"})
    assert "column night: expected type string, found boolean" in schema_differences(
        MODEL, other, manifest
    )


def test_a_version_without_types_keeps_its_spelling_and_range() -> None:
    """Truth values are `True` and `False`, numbers reach to the largest float32."""
    category = RawColumn("x", "string", required=False)
    assert cast(pd.DataFrame({"x": [True, False]}), [category])["x"].tolist() == ["True", "False"]
    number = RawColumn("x", "number", required=False)
    assert cast(pd.DataFrame({"x": [3.4e38]}), [number])["x"].tolist() == [3.4e38]
