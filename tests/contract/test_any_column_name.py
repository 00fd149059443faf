"""Columns of any name, from a delivery to a drift report, through every real adapter."""

from __future__ import annotations

import json
import struct
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from slipway.adapters.delta_tables import DeltaTables, ScoreTable
from slipway.adapters.drift_report import DriftReports
from slipway.adapters.expectations.suites import ExpectationSuites
from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.object_store import open_store
from slipway.adapters.parquet_encoding import pack_rows
from slipway.adapters.prediction_log import PredictionLog
from slipway.adapters.row_spool import open_spool
from slipway.adapters.sources.files import LandedFiles
from slipway.records.attempts import Attempt
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.serving.prediction_log.shipper import ship_segments
from slipway.serving.v2.binary import SIZE
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.loading import load_all
from slipway.spec.logged_columns import logged_name
from slipway.stages.ingest.ingest import claim, ingest
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.model.manifest import open_sealed
from slipway.stages.monitor.columns import monitored_columns, tidy
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.report.export import export_onnx
from slipway.stages.rollout.replay import recent_rows
from slipway.stages.rollout.v2_encode import encode_rows
from tests.serving.quick_candidate import served
from tests.support.any_names import CATEGORIES, NUMBERS
from tests.support.command_line import Make
from tests.support.small_specs import MODEL

ROWS = 240
INTEGERS = ("self", "class", "a[0]", "a.b", "名前")
KEY, TIME, TARGET = "the key [id].<1>", "when, exactly?", 'wird\'s "spät"?'
ESTIMATORS = ("sklearn.linear_model.LogisticRegression", "xgboost.XGBClassifier")


def _dataset() -> dict[str, Any]:
    numbers = {name: {"type": "integer" if name in INTEGERS else "number"} for name in NUMBERS}
    categories = {name: {"type": "string"} for name in CATEGORIES}
    identity = {KEY: {"type": "string"}, TIME: {"type": "timestamp"}}
    return {
        "dataset": "shop",
        "key": KEY,
        "arrival": {"settle_seconds": 0},
        "event_time": TIME,
        "streams": {
            "features": {"columns": {**identity, **numbers, **categories}},
            "labels": {"from": "features", "columns": {TARGET: {"type": "integer"}}},
        },
    }


def _expectations() -> dict[str, Any]:
    def expected(what: str, **kwargs: Any) -> dict[str, Any]:
        return {"expect": f"expect_{what}", "kwargs": kwargs}

    rows = [expected("column_values_to_be_between", column=one, min_value=-9) for one in NUMBERS]
    rows += [
        expected("column_values_to_be_in_set", column=one, value_set=["a", "b"])
        for one in CATEGORIES
    ]
    whole = [
        expected("column_mean_to_be_between", column=one, min_value=-9, max_value=9)
        for one in NUMBERS[:8]
    ]
    labels = [expected("column_values_to_be_in_set", column=TARGET, value_set=[0, 1])]
    return {"features": [*rows, *whole], "labels": labels}


def _text(value: Any) -> str:
    """A value as YAML, of which JSON is a part."""
    return json.dumps(value, ensure_ascii=False)


def _model(estimator: str) -> dict[str, Any]:
    import yaml

    value: dict[str, Any] = yaml.safe_load(MODEL)
    features = {"numeric": list(NUMBERS), "categorical": list(CATEGORIES)}
    return value | {"target": TARGET, "features": features, "estimator": {"name": estimator}}


def _rows(seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({KEY: [f"{seed}-{number}" for number in range(ROWS)]})
    frame[TIME] = pd.date_range("2026-01-01", periods=ROWS, freq="h", tz="UTC").astype("str")
    numbers = pd.DataFrame(random.normal(size=(ROWS, len(NUMBERS))).round(3), columns=NUMBERS)
    numbers[list(INTEGERS)] = random.integers(0, 9, (ROWS, len(INTEGERS)))
    texts = pd.DataFrame(random.choice(["a", "b"], (ROWS, len(CATEGORIES))), columns=CATEGORIES)
    label = (numbers[NUMBERS[0]] > random.normal(size=ROWS)).astype("int64").rename(TARGET)
    return pd.concat([frame, numbers, texts, label], axis=1)


@dataclass(frozen=True)
class Shop:
    """A dataset of such names in a store of files."""

    root: str
    store: Store
    tables: DeltaTables
    spec: DatasetSpec

    def deliver(self, name: str, data: bytes) -> Verdict:
        """Land a file and ingest it."""
        self.store.write(f"landing/shop/features/{name}", data)
        source = LandedFiles(self.store)
        (one,) = claim(self.spec, source=source, store=self.store).deliveries
        return ingest(
            self.spec,
            stream="features",
            batch=one["batch"],
            file=one["file"],
            context=RunContext(self.store, {"by": "a test"}),
            source=source,
            tables=self.tables,
            pack=pack_rows,
            suites=ExpectationSuites(),
            open_spool=open_spool,
        ).verdict

    def labelled(self) -> pd.DataFrame:
        """Rows as a training reads them."""
        version = self.tables.version("shop/features") or 0
        as_of = self.tables.newest("shop/features", TIME)
        assert as_of is not None
        pins = Snapshot(version, version, as_of)
        columns = [*NUMBERS, *CATEGORIES]
        return read_labelled(self.tables, self.spec, pins, columns=columns, target=TARGET)


def _files(frame: pd.DataFrame) -> dict[str, bytes]:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
    return {
        "a.csv": frame.to_csv(index=False).encode(),
        "a.tsv": frame.to_csv(index=False, sep="\t").encode(),
        "a.jsonl": frame.to_json(orient="records", lines=True, force_ascii=False).encode(),
        "a.parquet": sink.getvalue().to_pybytes(),
    }


def _loaded(make: Make, estimator: str) -> tuple[DatasetSpec, ModelSpec]:
    files = {
        "datasets/shop/dataset.yaml": _text(_dataset()),
        "datasets/shop/expectations.yaml": _text(_expectations()),
        "models/sales/model.yaml": _text(_model(estimator)),
    }
    loaded = load_all(make(files))
    assert [str(one) for one in loaded.problems] == []
    return loaded.datasets["shop"], loaded.models["sales"]


def _shop(folder: Path, spec: DatasetSpec) -> Shop:
    root = str(folder / "store")
    return Shop(root, open_store(root), DeltaTables(root), spec)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_a_delivery_may_name_its_columns_as_it_likes(
    project: Make, tmp_path: Path, name: str
) -> None:
    """In each format; expectations see every column, and bad rows are kept under these names."""
    spec, _ = _loaded(project, ESTIMATORS[0])
    shop, frame = _shop(tmp_path, spec), _rows()
    frame.loc[:4, CATEGORIES] = "c"
    verdict = shop.deliver(name, _files(frame)[name])
    assert verdict.action == "ingested", verdict.reason
    assert verdict.numbers["quarantined"] == 5
    assert verdict.numbers["failed_expectations"] == len(CATEGORIES)
    read = shop.labelled().sort_values(TIME, ignore_index=True)
    names = [*NUMBERS, *CATEGORIES, TARGET]
    expected = frame.iloc[5:].reset_index(drop=True)
    pd.testing.assert_frame_equal(read[names], expected[names], check_dtype=False)
    kept = next(Path(shop.root).glob("quarantine/**/*.parquet"))
    assert {*names, KEY, TIME} <= set(pq.read_schema(kept).names)


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

    dataset, spec = _loaded(make, request.param)
    shop = _shop(folder, dataset)
    shop.deliver("a.jsonl", _files(_rows())["a.jsonl"])
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
    loaded = mlflow.pyfunc.load_model(str(trained.folder))
    rows = trained.rows[trained.spec.features.names].astype(dict.fromkeys(INTEGERS, "float64"))
    found = loaded.predict(rows)
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
    reports = DriftReports()
    found = reports.distances(reference, tidy(logged, columns), columns=columns)
    assert found.keys() == {*names, "score"}
    page = reports.html(reference, tidy(logged, columns), columns=columns, thresholds=found)
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
