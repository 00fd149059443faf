"""A dataset of a kind of key and event time, from its files to the joined labels of requests.

On real tables, the real learner, a loaded model server and its prediction log; only MLflow is in
memory.
"""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from slipway.adapters.delta_tables.tables import DeltaTables
from slipway.adapters.object_store import open_store
from slipway.adapters.parquet_encoding import pack_rows
from slipway.adapters.prediction_log import PredictionLog
from slipway.adapters.row_spool import open_spool
from slipway.adapters.sources.files import LandedFiles
from slipway.records.run_context import RunContext
from slipway.records.store import encode
from slipway.records.verdicts import Verdict
from slipway.serving.model_server.load_model import load_model
from slipway.serving.model_server.loaded_model import LoadedModel
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.requests import PredictRequest
from slipway.serving.prediction_log.shipper import ship_segments
from slipway.serving.server_options import Options
from slipway.serving.v2.binary import CODES, SIZE
from slipway.stages.ingest.ingest import claim, ingest
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.monitor.labels.label_join import JoinedLabels, join_labels, read_labels
from tests.fakes.mlflow import MemoryRegistry
from tests.fakes.plain_suites import PlainSuites
from tests.fakes.tracking import MemoryTracking
from tests.support.identity_kinds import BATCHES, COLUMNS, START, Kind, crossings
from tests.support.training_env import TrainingEnv

RECEIVED = datetime(2013, 6, 1, 12, tzinfo=UTC)


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
        self.metrics = Metrics("ferry_delay", 1)
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
            "parquet": lambda: parquet(rows),
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
            metrics=self.metrics,
        )
        assert isinstance(found, LoadedModel), found
        return found

    def logged(self, model: str = "ferry_delay") -> pd.DataFrame:
        """The prediction log, once it was shipped."""
        assert ship_segments(self.store, self.root / "log") == 1
        return PredictionLog(self.store).read(model)

    def joined(self, logged: pd.DataFrame) -> JoinedLabels:
        """Predictions with their labels."""
        table = "ferries/features" if self.kind.in_one_file else "ferries/labels"
        labels = read_labels(self.tables, self.dataset, "late", version=self.tables.version(table))
        return join_labels(logged, labels, key_type=self.dataset.identity.key.type)


def parquet(rows: pd.DataFrame) -> bytes:
    """A file of some rows."""
    sink = io.BytesIO()
    rows.to_parquet(sink, index=False)
    return sink.getvalue()


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
