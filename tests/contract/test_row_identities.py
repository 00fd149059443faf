"""Each kind of key and event time, from files to a model, a request, and its joined label.

On real tables, the real learner, a loaded model server and its prediction log.
"""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.delta_tables.tables import DeltaTables
from slipway.adapters.model_package import load_package
from slipway.adapters.object_store import open_store
from slipway.adapters.parquet_encoding import pack_rows
from slipway.adapters.platforms.batch.scoring import score_request
from slipway.adapters.prediction_log import PredictionLog
from slipway.adapters.row_spool import open_spool
from slipway.adapters.sources.files import LandedFiles
from slipway.errors import BadRequest
from slipway.records.run_context import RunContext
from slipway.records.store import encode
from slipway.records.verdicts import Verdict
from slipway.serving.model_server.load_model import load_model
from slipway.serving.model_server.loaded_model import LoadedModel, PredictRequest
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.prediction_log.shipper import ship_segments
from slipway.serving.server_options import Options
from slipway.serving.v2.binary import CODES, SIZE
from slipway.serving.v2.errors import Mismatch
from slipway.serving.v2.model_metadata import model_metadata
from slipway.serving.v2.protocol import Encoded, decode
from slipway.serving.v2.schemas import example
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.ingest.ingest import claim, ingest
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.monitor.label_join import JoinedLabels, join_labels, read_labels
from slipway.stages.rollout.replay import recent_rows
from slipway.stages.rollout.v2_encode import encode_rows
from tests.fakes.mlflow import MemoryRegistry, MemoryTracking
from tests.fakes.plain_suites import PlainSuites
from tests.support.training_env import TrainingEnv, spec

START = datetime(2013, 1, 1, tzinfo=UTC)
DAYS, STORES, BATCHES = 60, 16, 6
RECEIVED = datetime(2013, 6, 1, 12, tzinfo=UTC)
COLUMNS: dict[str, dict[str, Any]] = {
    "store": {"type": "string"},
    "day": {"type": "timestamp"},
    "clock": {"type": "integer"},
    "wind": {"type": "number"},
    "port": {"type": "string"},
    "email": {"type": "string", "pii": "hash"},
}
LATE = {"late": {"type": "integer"}}


@dataclass(frozen=True)
class Kind:
    """A way in which rows of a dataset have their key and event time.

    Attributes:
        key: As `dataset.yaml` has it.
        event_time: As `dataset.yaml` has it.
        in_one_file: Whether labels stand in the features' files.
        columns: Columns that are declared otherwise.
        features: Categorical features beside `port`.
        numeric: Numeric features beside `wind`.
        file: Format of the features' files.
    """

    key: Any
    event_time: Any
    in_one_file: bool = False
    columns: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    file: str = "csv"

    def dataset(self) -> DatasetSpec:
        """The dataset's spec."""
        features = {**COLUMNS, **self.columns}
        named = {name: features[name] for name in self.key} if isinstance(self.key, list) else {}
        labels: dict[str, Any] = {"columns": {**named, **LATE}}
        if self.in_one_file:
            labels = {"from": "features", "columns": LATE}
        return DatasetSpec.model_validate(
            {
                "dataset": "ferries",
                "key": self.key,
                "event_time": self.event_time,
                "arrival": {"settle_seconds": 0},
                "streams": {"features": {"columns": features}, "labels": labels},
            }
        )

    def model(self) -> ModelSpec:
        """A model of the dataset."""
        features = {"numeric": ["wind", *self.numeric], "categorical": ["port", *self.features]}
        return spec(features=features)


COLUMN_PAIR = {"date": "day", "time": "clock", "time_format": "%H%M", "timezone": "Europe/Berlin"}
INTEGER = {"type": "integer"}
CALENDAR = {"year": "yr", "month": "mnth", "day": "dy", "hour": "hr", "minute": "mi"}
KINDS = {
    "columns": Kind(["store", "day"], "day", features=("store",)),
    "columns in one file": Kind(["store", "day"], "day", in_one_file=True, file="jsonl"),
    "row": Kind("row", "day", in_one_file=True),
    "date and time": Kind(
        ["store", "day", "clock"], COLUMN_PAIR, columns={"day": {"type": "string"}}, file="parquet"
    ),
    "year to minute": Kind(
        ["store", "yr", "mnth", "dy"],
        {**CALENDAR, "timezone": "Europe/Berlin"},
        columns={**dict.fromkeys(CALENDAR.values(), INTEGER), "mnth": {"type": "string"}},
        features=("mnth",),
        numeric=("yr", "hr"),
    ),
    "year and day of year": Kind(
        "row",
        {"year": "yr", "day_of_year": "yday"},
        in_one_file=True,
        columns={"yr": INTEGER, "yday": {"type": "string"}},
        file="jsonl",
    ),
    "row and arrival": Kind("row", "arrival", in_one_file=True, file="parquet"),
    "columns and arrival": Kind(["store", "clock", "day"], "arrival", in_one_file=True),
}


def crossings() -> pd.DataFrame:
    """A row for each store and day, as texts; the zone of its clock is Berlin's."""
    random = np.random.default_rng(3)
    count = DAYS * STORES
    wind = np.round(random.gamma(4, 3, count), 3)
    days = [START + timedelta(days=number // STORES) for number in range(count)]
    return pd.DataFrame(
        {
            "store": [f"s|{number % STORES}" for number in range(count)],
            "day": [f"{day:%Y-%m-%d}" for day in days],
            "clock": [100 * (number % 24) + 30 for number in range(count)],
            "yr": [day.year for day in days],
            "mnth": [f"{day:%B}" for day in days],
            "dy": [day.day for day in days],
            "hr": [number % 24 for number in range(count)],
            "mi": 30,
            "yday": [f"{day:%j}" for day in days],
            "wind": [None if number % 9 == 0 else wind[number] for number in range(count)],
            "port": random.choice(["Oban", "Mallaig"], count),
            "email": [f"{number}@example.org" for number in range(count)],
            "late": (random.random(count) < 1 / (1 + np.exp(2 - wind / 6))).astype(int),
        }
    )


@dataclass
class Ring:
    """A dataset and its model on real adapters; only MLflow is in memory."""

    kind: Kind
    root: Path

    def __post_init__(self) -> None:
        """Make the adapters."""
        self.dataset, self.model = self.kind.dataset(), self.kind.model()
        self.store = open_store(str(self.root / "store"))
        self.tables = DeltaTables(str(self.root / "store"))
        tracking = MemoryTracking(self.root / "runs")
        self.training = TrainingEnv(
            self.store,
            self.tables,  # type: ignore[arg-type]
            tracking,
            MemoryRegistry(tracking),
            self.model,
            self.dataset,
        )

    def deliver(self, rows: pd.DataFrame, batch: str) -> list[Verdict]:
        """Deliver some rows, with their labels or beside them; the verdicts."""
        identity = self.dataset.identity
        if self.kind.in_one_file:
            self.land("features", batch, rows)
        else:
            self.land("features", batch, rows.drop(columns="late"))
            self.land("labels", batch, rows[[*identity.key.named, "late"]])
        if identity.time.source == "arrival":
            # As if a batch came each ten days.
            moment = START + timedelta(days=10 * int(batch[1:]))
            self.store.create(f"moments/ferries/{batch}.json", encode({"at": moment.isoformat()}))
        return self.ingest()

    def land(self, stream: str, batch: str, rows: pd.DataFrame) -> None:
        """Write a file in the format of the kind; labels as CSV."""
        suffix = self.kind.file if stream == "features" else "csv"
        data = {
            "csv": lambda: rows.to_csv(index=False).encode(),
            "jsonl": lambda: rows.to_json(orient="records", lines=True).encode(),
            "parquet": lambda: _parquet(rows),
        }[suffix]()
        self.store.write(f"landing/ferries/{stream}/{batch}.{suffix}", data)

    def ingest(self) -> list[Verdict]:
        """Ingest what waits."""
        source = LandedFiles(self.store)
        waiting = claim(self.dataset, source=source, store=self.store)
        return [
            ingest(
                self.dataset,
                stream=one["stream"],  # type: ignore[arg-type]
                batch=one["batch"],
                file=one["file"],
                context=RunContext(self.store, {"by": "test"}),
                source=source,
                tables=self.tables,
                pack=pack_rows,
                suites=PlainSuites(),
                open_spool=open_spool,
            ).verdict
            for one in waiting.deliveries
        ]

    def deliver_all(self) -> pd.DataFrame:
        """Deliver the crossings in batches of ten days; all rows."""
        rows = crossings()
        size = len(rows) // BATCHES
        for number in range(BATCHES):
            for verdict in self.deliver(rows[number * size : (number + 1) * size], f"b{number}"):
                assert verdict.action == "ingested", verdict.reason
                assert verdict.numbers["quarantined"] == 0, verdict.reason
        return rows

    def train(self) -> Path:
        """Folder of a model that was trained."""
        request = self.training.ask()
        self.training.snapshot(request)
        uri = self.training.train(request).verdict.evidence["model_uri"]
        return self.root / "runs" / uri.removeprefix("models:/")

    def labelled(self) -> pd.DataFrame:
        """Rows of a training: key, event time, store, day and label."""
        label_table = "features" if self.kind.in_one_file else "labels"
        pins = Snapshot(
            self.tables.version("ferries/features") or 0,
            self.tables.version(f"ferries/{label_table}") or 0,
            datetime(2050, 1, 1, tzinfo=UTC),
        )
        columns = [*COLUMNS]
        return read_labelled(self.tables, self.dataset, pins, columns=columns, target="late")

    def serve(self, folder: Path) -> LoadedModel:
        """The model in a server."""
        key_file = self.root / "pii"
        key_file.write_bytes(b"0123456789abcdef")
        found = load_model(
            "ferry_delay",
            1,
            folder,
            log=self.root / "log" / "ferry_delay",
            options=Options(roll_seconds=60, pii_key_file=key_file),
            metrics=Metrics("ferry_delay", 1),
        )
        assert isinstance(found, LoadedModel), found
        return found

    def logged(self) -> pd.DataFrame:
        """The prediction log, once it was shipped."""
        assert ship_segments(self.store, self.root / "log") == 1
        return PredictionLog(self.store).read("ferry_delay")

    def joined(self, logged: pd.DataFrame) -> JoinedLabels:
        """Predictions with their labels."""
        table = "ferries/features" if self.kind.in_one_file else "ferries/labels"
        labels = read_labels(self.tables, self.dataset, "late", version=self.tables.version(table))
        return join_labels(logged, labels, key_type=self.dataset.identity.key.type)


def _parquet(rows: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    rows.to_parquet(sink, index=False)
    return sink.getvalue()


@pytest.fixture(params=sorted(KINDS))
def ring(request: pytest.FixtureRequest, tmp_path: Path) -> Ring:
    """A dataset of each kind."""
    return Ring(KINDS[request.param], tmp_path)


def asked(body: Mapping[str, Any]) -> PredictRequest:
    """A request that arrives in June."""
    received = int(RECEIVED.timestamp()) * 1_000_000
    return PredictRequest(json.dumps(body).encode(), received)


def in_bytes(body: Mapping[str, Any]) -> tuple[bytes, int]:
    """The same request with its values behind the JSON, and the length of that."""
    inputs, tail = [], b""
    for tensor in body["inputs"]:
        values, datatype = tensor["data"], tensor["datatype"]
        if datatype == "BYTES":
            texts = [str(value).encode() for value in values]
            data = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            numbers = [math.nan if value is None else value for value in values]
            data = struct.pack(f"<{len(numbers)}{CODES[datatype]}", *numbers)
        head = {name: tensor[name] for name in ("name", "shape", "datatype")}
        inputs.append({**head, "parameters": {SIZE: len(data)}})
        tail += data
    head = json.dumps({"inputs": inputs}).encode()
    return head + tail, len(head)


def test_a_request_finds_its_label_by_the_derived_key(ring: Ring) -> None:
    """Training, replay, log and join have the same key of each row, sent as JSON or as bytes."""
    delivered = ring.deliver_all()
    labelled = ring.labelled()
    assert len(labelled) == len(delivered)
    by_row = delivered.assign(wind=delivered["wind"].astype("float64")).set_index("email")["late"]
    assert labelled.set_index("email")["late"].sort_index().tolist() == (
        by_row.sort_index().tolist()
    )
    folder = ring.train()
    server = ring.serve(folder)
    rows = recent_rows(ring.tables, ring.dataset, rows=50)
    body = encode_rows(rows, server.signature.columns, identity=ring.dataset.identity)
    assert {tensor["name"] for tensor in body["inputs"]}.isdisjoint({"_key", "_event_time"})
    sent, json_bytes = in_bytes(body)
    read = decode(sent, server.signature, max_rows=50, json_bytes=json_bytes)
    [answer] = server.answer([asked(body)])
    assert isinstance(answer, Encoded), answer
    server.log.close()
    logged = ring.logged().sort_values("row")
    identity = ring.dataset.identity
    assert read.keys == logged["key"].tolist()
    assert read.event_times_us == logged["event_time"].dt.as_unit("us").astype("int64").tolist()
    assert logged["key"].tolist() == rows[identity.key.column].tolist()
    assert logged["event_time"].tolist() == rows[identity.time.column].tolist()
    joined = ring.joined(logged)
    assert (joined.without_key, len(joined.rows)) == (0, 50)
    labels = labelled.set_index(identity.key.column)["late"]
    assert joined.rows["label"].tolist() == labels[logged["key"]].tolist()
    batch = score_request(load_package(folder), json.dumps(body).encode())
    assert list(batch) == pytest.approx(logged["score"].tolist())


def test_a_request_without_key_and_time_has_the_moment_of_the_request(ring: Ring) -> None:
    """As a key of its own, a derived one may be left out; the answer is logged without it."""
    ring.deliver_all()
    server = ring.serve(ring.train())
    rows = recent_rows(ring.tables, ring.dataset, rows=1)
    body = encode_rows(rows, server.signature.columns, identity=ring.dataset.identity)
    body["inputs"] = [one for one in body["inputs"] if one["name"] in server.signature.needed]
    [answer] = server.answer([asked(body)])
    assert isinstance(answer, Encoded), answer
    server.log.close()
    logged = ring.logged()
    assert logged["key"].isna().all()
    assert logged["event_time"].tolist() == [RECEIVED]
    assert ring.joined(logged).without_key == 1


def test_metadata_and_example_name_the_parts(ring: Ring) -> None:
    """The example of the OpenAPI document is a request that is answered, with its key."""
    ring.deliver_all()
    server = ring.serve(ring.train())
    identity, needed = ring.dataset.identity, server.signature.needed
    inputs = model_metadata("ferry_delay", 1, server.signature, engine="onnx")["inputs"]
    roles = {one["name"]: one["parameters"].get("role", "") for one in inputs}
    of_key = [part.name for part in identity.key.parts]
    assert [name for name, role in roles.items() if "key" in role.split(", ")] == sorted(
        of_key, key=list(roles).index
    )
    beside = {one["name"] for one in inputs if not one["parameters"]["required"]}
    assert beside.isdisjoint(needed)
    assert "_key" not in roles
    shown = decode(json.dumps(example(server.signature)).encode(), server.signature, max_rows=1)
    assert shown.keys is not None
    assert shown.event_times_us is not None
    [answer] = server.answer([asked(example(server.signature))])
    assert isinstance(answer, Encoded), answer


def test_a_missing_part_is_named(ring: Ring) -> None:
    """The server answers 422, and the batch platform refuses alike."""
    ring.deliver_all()
    folder = ring.train()
    server = ring.serve(folder)
    rows = recent_rows(ring.tables, ring.dataset, rows=3)
    body = encode_rows(rows, server.signature.columns, identity=ring.dataset.identity)
    optional = [
        part.name
        for part in ring.dataset.identity.key.parts
        if part.name not in server.signature.needed
    ]
    alone = {*optional} - {ring.dataset.identity.time.column, *ring.dataset.identity.time.named}
    for name in optional:
        lacking = [one for one in body["inputs"] if one["name"] != name]
        sent = json.dumps({"inputs": lacking}).encode()
        if not alone - {name}:
            continue
        with pytest.raises(Mismatch, match=f"lacks column .*'{name}'.* of the key"):
            decode(sent, server.signature, max_rows=5)
        with pytest.raises(BadRequest) as refused:
            score_request(load_package(folder), sent)
        assert refused.value.found is not None
        assert name in refused.value.found


def test_a_batch_that_comes_again_keeps_keys_and_moments(ring: Ring) -> None:
    """Unchanged it is a duplicate; a corrected row of it is the same row at the same time."""
    delivered = ring.deliver_all()
    columns = [*ring.dataset.identity.derived("features"), "email", "port"]
    first = ring.tables.read("ferries/features", columns=columns)
    again = delivered.head(len(delivered) // BATCHES).copy()
    ring.land("features", "b0", again if ring.kind.in_one_file else again.drop(columns="late"))
    corrected = again.assign(late=1 - again["late"])
    ring.deliver(corrected, "b0")
    second = ring.tables.read("ferries/features", columns=columns)
    pd.testing.assert_frame_equal(
        first.sort_values("email", ignore_index=True),
        second.sort_values("email", ignore_index=True),
    )
    labelled = ring.labelled().set_index("email")["late"]
    assert labelled[corrected["email"]].tolist() == corrected["late"].tolist()
    assert len(labelled) == len(delivered)


@pytest.mark.parametrize("file", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", ["columns in one file", "row", "row and arrival"])
def test_a_row_has_one_key_in_every_format(tmp_path: Path, name: str, file: str) -> None:
    """As a request that spells the values in other datatypes has it."""
    kind = KINDS[name]
    ring = Ring(Kind(kind.key, kind.event_time, in_one_file=True, file=file), tmp_path)
    ring.deliver_all()
    stored = ring.tables.read("ferries/features").set_index("email")["_key"]
    reference = Ring(kind, tmp_path / "reference")
    reference.deliver_all()
    known = reference.tables.read("ferries/features").set_index("email")["_key"]
    assert stored.sort_index().to_dict() == known.sort_index().to_dict()


def test_equal_rows_are_counted_and_kept(tmp_path: Path) -> None:
    """Each has a key and its own label, however often the file comes; a request is the first."""
    ring = Ring(KINDS["row and arrival"], tmp_path)
    rows = crossings().head(100).reset_index(drop=True)
    several = pd.concat([rows, rows.head(7), rows.head(2)]).assign(
        late=lambda all_: range(len(all_))
    )
    for expected in ("ingested", "duplicate"):
        [verdict] = ring.deliver(several, "b0")
        assert verdict.action == expected, verdict.reason
        ring.store.write("landing/ferries/features/b0.parquet", _parquet(several) + b"")
    stored = ring.tables.read("ferries/features")
    assert stored["_key"].is_unique
    assert len(stored) == len(several)
    record = ring.labelled()
    assert sorted(record["late"]) == list(range(len(several)))
    of_first = stored[stored["late"].isin([0, 100, 107])].sort_values("late")["_key"].tolist()
    assert of_first[1:] == [f"{of_first[0]}-2", f"{of_first[0]}-3"]
