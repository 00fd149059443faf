"""A dataset and a model whose columns have any name, on real adapters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from slipway.adapters.delta_tables import DeltaTables
from slipway.adapters.expectations.suites import ExpectationSuites
from slipway.adapters.object_store import open_store
from slipway.adapters.parquet_encoding import pack_rows
from slipway.adapters.row_spool import open_spool
from slipway.adapters.sources.files import LandedFiles
from slipway.records.run_context import RunContext
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.loading import load_all
from slipway.stages.ingest.ingest import claim, ingest
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
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


def some_rows(seed: int = 1) -> pd.DataFrame:
    """Rows with a value in each column."""
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


def files_of(frame: pd.DataFrame) -> dict[str, bytes]:
    """The rows in each format."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
    return {
        "a.csv": frame.to_csv(index=False).encode(),
        "a.tsv": frame.to_csv(index=False, sep="\t").encode(),
        "a.jsonl": frame.to_json(orient="records", lines=True, force_ascii=False).encode(),
        "a.parquet": sink.getvalue().to_pybytes(),
    }


def loaded(make: Make, estimator: str) -> tuple[DatasetSpec, ModelSpec]:
    """Dataset and model of a project without problems."""
    files = {
        "datasets/shop/dataset.yaml": _text(_dataset()),
        "datasets/shop/expectations.yaml": _text(_expectations()),
        "models/sales/model.yaml": _text(_model(estimator)),
    }
    found = load_all(make(files))
    assert [str(one) for one in found.problems] == []
    return found.datasets["shop"], found.models["sales"]


def shop_in(folder: Path, spec: DatasetSpec) -> Shop:
    """The dataset in a store of its own."""
    root = str(folder / "store")
    return Shop(root, open_store(root), DeltaTables(root), spec)
