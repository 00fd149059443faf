"""Columns of any name in a trained version: served, logged, exported, and in its scores."""

from __future__ import annotations

import json
import struct
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from slipway.adapters.delta_tables import ScoreTable
from slipway.adapters.drift_report import DriftReports
from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.prediction_log import PredictionLog
from slipway.records.attempts import Attempt
from slipway.records.run_records import RunRef
from slipway.serving.prediction_log.shipper import ship_segments
from slipway.serving.v2.binary import SIZE
from slipway.spec import ModelSpec
from slipway.spec.logged_columns import logged_name
from slipway.stages.model.manifest import open_sealed
from slipway.stages.monitor.drift.distances import calibrate_reference, compare
from slipway.stages.monitor.reference.columns import monitored_columns, tidy
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.report.export import export_onnx
from slipway.stages.rollout.replay import recent_rows
from slipway.stages.rollout.v2_encode import encode_rows
from tests.serving.quick_candidate import served
from tests.support.any_named_shop import (
    ESTIMATORS,
    INTEGERS,
    KEY,
    TIME,
    Shop,
    files_of,
    loaded,
    shop_in,
    some_rows,
)
from tests.support.any_names import CATEGORIES, NUMBERS


@dataclass(frozen=True)
class Trained:
    """A version with such columns, and the rows that it learnt from."""

    shop: Shop
    spec: ModelSpec
    rows: pd.DataFrame
    folder: Path


@pytest.fixture(scope="module", params=ESTIMATORS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A saved version of each estimator in turn."""
    folder = tmp_path_factory.mktemp("names")

    def make(files: Any) -> Path:
        for name, text in files.items():
            (folder / "include" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "include" / name).write_text(text, encoding="utf-8")
        return folder

    dataset, spec = loaded(make, request.param)
    shop = shop_in(folder, dataset)
    shop.deliver("a.jsonl", files_of(some_rows())["a.jsonl"])
    rows = shop.labelled()
    learned = SklearnLearner(spec, dataset, None).learn(rows)
    reference = ReferenceRows(
        features=rows[spec.features.names],
        times=rows[TIME],
        scores=learned.predict(rows),
        held_out=np.zeros(len(rows), dtype=bool),
    )
    facts = {"model": "sales", "dataset": "shop", "task": spec.task, **dataset.identity.facts()}
    learned.save(folder / "version", facts=facts, reference=reference)
    return Trained(shop, spec, rows, folder / "version")


def test_a_version_is_served_by_its_onnx_form(trained: Trained) -> None:
    """Whose answers are those of its pipeline, and whose signature MLflow reads."""
    import mlflow

    manifest = open_sealed(trained.folder)
    assert manifest["engine"]["name"] == "onnx", manifest["engine"]["reason"]
    inputs = mlflow.models.get_model_info(str(trained.folder)).signature.inputs
    assert inputs.input_names() == [*NUMBERS, *CATEGORIES]
    offline = load_package(trained.folder).predict(trained.rows)
    pyfunc = mlflow.pyfunc.load_model(str(trained.folder))
    rows = trained.rows[trained.spec.features.names].astype(dict.fromkeys(INTEGERS, "float64"))
    found = pyfunc.predict(rows)
    assert np.allclose(np.asarray(found)[:, 1], offline)


def test_an_exported_form_scores_by_these_names(trained: Trained) -> None:
    """The program beside it is Python, whatever is in them."""
    version = ModelVersion("sales", 1, "run", "models:/m", {}, datetime.now(UTC))
    exported = export_onnx(trained.folder, version, file="sales.onnx")
    names: dict[str, Any] = {"__name__": "a test", "__file__": str(trained.folder / "score.py")}
    exec(compile(exported.program, "score.py", "exec"), names)  # noqa: S102
    assert names["NUMBERS"] == list(NUMBERS)
    assert names["TEXTS"] == list(CATEGORIES)


def test_a_server_takes_logs_and_counts_them(trained: Trained) -> None:
    """JSON and bytes alike; the log and the metrics have the names, and so has the drift report."""
    shop, dataset = trained.shop, trained.shop.spec
    package = load_package(trained.folder)
    rows = recent_rows(shop.tables, dataset, rows=20)
    offline = package.predict(rows)
    with tempfile.TemporaryDirectory() as log:
        with served("sales", version=1, folder=trained.folder, log_folder=Path(log)) as client:
            path = "/v2/models/sales/infer"
            body = encode_rows(rows, package.signature_columns, identity=dataset.identity)
            answer = client.post(path, json=body)
            assert answer.is_success, answer.text
            assert np.allclose(answer.json()["outputs"][0]["data"], offline)
            answer = _in_bytes(client, path, body)
            assert answer.is_success, answer.text
            rows[list(NUMBERS)] = 99.0
            far = encode_rows(rows, package.signature_columns, identity=dataset.identity)
            assert client.post(path, json=far).is_success
            counted = _out_of_range(client.get("/metrics").text)
            assert {name for name, count in counted.items() if count == len(rows)} >= set(NUMBERS)
            assert client.get("/v2/models/sales").is_success
            assert client.get("/v2/models/sales/openapi.json").status_code in {200, 404}
        assert ship_segments(shop.store, Path(log)) == 1
    logged = PredictionLog(shop.store).read("sales")
    names = [logged_name(one, multiclass=False) for one in (*NUMBERS, *CATEGORIES)]
    assert set(logged) >= {*names}
    assert "_feature_score" in names
    columns, _ = monitored_columns(open_sealed(trained.folder), trained.spec, dataset)
    reference = trained.rows[trained.spec.features.names].set_axis(names, axis=1)
    reference = tidy(reference.assign(score=package.predict(trained.rows)), columns)
    known = calibrate_reference(
        reference,
        pd.to_datetime(trained.rows[dataset.identity.time.column], utc=True),
        columns=columns,
        window=timedelta(days=7),
        window_rows=len(logged),
        spec=trained.spec,
    )
    found = compare(tidy(logged, columns), known, seed=7).distances
    assert found.keys() == {*names, "score"}
    page = DriftReports().html(
        reference, tidy(logged, columns), columns=columns, names=columns.names, lead=""
    )
    assert b"<html" in page


def _in_bytes(client: TestClient, path: str, body: dict[str, Any]) -> Any:
    """The answer to the same request, with each column as bytes after the JSON."""
    tails = []
    for one in body["inputs"]:
        if one["datatype"] in {"FP64", "INT64"}:
            code = "d" if one["datatype"] == "FP64" else "q"
            tail = struct.pack(f"<{len(one['data'])}{code}", *one["data"])
        else:
            texts = [text.encode() for text in one["data"]]
            tail = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        tails.append(tail)
    inputs = [
        {name: one[name] for name in ("name", "shape", "datatype")}
        | {"parameters": {SIZE: len(tail)}}
        for one, tail in zip(body["inputs"], tails, strict=True)
    ]
    head = json.dumps({"inputs": inputs}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    return client.post(path, content=head + b"".join(tails), headers=headers)


def _out_of_range(text: str) -> dict[str, float]:
    families = text_string_to_metric_families(text)
    (family,) = [one for one in families if one.name == "slipway_out_of_range_inputs"]
    return {
        one.labels["column"]: one.value for one in family.samples if one.name.endswith("_total")
    }


def test_a_score_table_holds_them(trained: Trained) -> None:
    """Beside its own columns; monitoring reads it like a log."""
    shop, features = trained.shop, [*NUMBERS, *CATEGORIES]
    names = [logged_name(one, multiclass=False) for one in features]
    ref = RunRef("sales", "score-2026-01", "score")
    shop.store.write(f"{ref.folder}/attempt-0001.json", b"{}")
    rows = trained.rows
    frame = (
        rows[features]
        .set_axis(names, axis=1)
        .assign(key=rows[KEY], event_time=rows[TIME], score=0.5, version=1, scored_at=rows[TIME])
    )
    scores = ScoreTable(shop.root)
    scores.replace(
        "sales",
        "2026-01",
        [frame],
        features="f1",
        features_version=1,
        attempt=Attempt(shop.store, ref, 1),
    )
    read = scores.read("sales")
    assert set(names) <= set(read)
    assert scores.read("sales", columns=names).shape == (len(rows), len(names) + 2)
    assert scores.held("sales")["2026-01"].version == 1
