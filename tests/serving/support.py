"""What serving tests stand on: a small model, its requests, and real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.object_store import open_store
from slipway.serving.server_options import Options
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.rollout.v2_encode import encode_rows

MODEL = "delay"
OPTIONS = Options(roll_seconds=0.2, min_free_bytes=0)
WITHIN_S = 90

DATASET = DatasetSpec.model_validate(
    {
        "dataset": "flights",
        "key": "flight_id",
        "event_time": "scheduled_departure",
        "streams": {
            "features": {
                "columns": {
                    "flight_id": {"type": "string", "nullable": False},
                    "scheduled_departure": {"type": "timestamp", "nullable": False},
                    "distance": {"type": "number", "nullable": False},
                    "temperature": {"type": "number"},
                    "carrier": {"type": "string", "nullable": False},
                    "origin": {"type": "string"},
                }
            },
            "labels": {"columns": {"flight_id": {"type": "string"}, "late": {"type": "integer"}}},
        },
    }
)
SPEC = ModelSpec.model_validate(
    {
        "model": MODEL,
        "dataset": "flights",
        "task": "classification",
        "target": "late",
        "features": {"numeric": ["distance", "temperature"], "categorical": ["carrier", "origin"]},
        "estimator": {"name": "sklearn.linear_model.LogisticRegression"},
        "gates": {"metrics": {"roc_auc": {"threshold": 0.5}}},
        "deployment": {"verify": {"replay_rows": 40, "max_p99_ms": 5000.0}},
        "monitoring": {"performance": {"metric": "roc_auc", "max_absolute_drop": 0.05}},
    }
)

TREES = SPEC.model_copy(
    update={
        "estimator": SPEC.estimator.model_copy(
            update={"name": "xgboost.XGBClassifier", "params": {"n_estimators": 20}}
        )
    }
)


def flights(rows: int, *, seed: int = 1) -> pd.DataFrame:
    """Made-up flights with their labels, one a quarter of an hour; some values are missing."""
    random = np.random.default_rng(seed)
    start = pd.Timestamp("2013-05-01T00:00:00Z")
    distance = random.uniform(100, 3000, rows)
    carrier = random.choice(["AA", "DL", "UA"], rows)
    frame = pd.DataFrame(
        {
            "flight_id": [f"f{seed}-{number}" for number in range(rows)],
            "scheduled_departure": start + pd.to_timedelta(np.arange(rows) * 15, unit="min"),
            "distance": distance,
            "temperature": random.normal(15, 8, rows),
            "carrier": carrier,
            "origin": random.choice(["EWR", "JFK"], rows),
        }
    )
    frame.loc[frame.index % 7 == 0, "temperature"] = np.nan
    frame.loc[frame.index % 11 == 0, "origin"] = None
    risk = (distance > 1500) * 0.4 + (carrier == "AA") * 0.3 * seed
    return frame.assign(late=(random.uniform(0, 1, rows) < risk).astype(int))


def save_version(folder: Path, *, seed: int, spec: ModelSpec = SPEC) -> None:
    """A version's folder, learnt from made-up flights."""
    rows = flights(400, seed=seed)
    learned = SklearnLearner(spec, DATASET, None).learn(rows)
    facts = {
        "model": MODEL,
        "task": SPEC.task,
        "key": DATASET.key,
        "event_time": DATASET.event_time,
    }
    names = [*SPEC.features.names, DATASET.event_time]
    reference = rows[names].head(50).assign(score=learned.predict(rows.head(50)), part="holdout")
    learned.save(folder, facts=facts, reference=reference)


def use_pipeline(folder: Path) -> None:
    """Let a version be served by its untouched pipeline."""
    change_manifest(folder, engine={"name": "sklearn", "reason": "a test", "parity": None})


def change_manifest(folder: Path, **facts: Any) -> None:
    """Change what a version's manifest says, as if it had been registered so."""
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def tamper(folder: Path) -> None:
    """Change one byte of a version's model file."""
    path = folder / "model.skops"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def request_of(rows: pd.DataFrame, *, probe: bool = False) -> dict[str, Any]:
    """The V2 request that asks about rows."""
    columns = [("distance", "number", True), ("temperature", "number", False)]
    columns += [("carrier", "string", True), ("origin", "string", False)]
    return encode_rows(rows, columns, key=DATASET.key, event_time=DATASET.event_time, probe=probe)


def offline(folder: Path, rows: pd.DataFrame) -> list[float]:
    """What a version's folder predicts without any server."""
    return [float(score) for score in load_package(folder).predict(rows)]


def until(condition: Callable[[], Any], what: str, *, within_s: float = WITHIN_S) -> Any:
    """The first truthy value of a condition; a test fails if there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            value = condition()
            if value:
                return value
        time.sleep(0.02)
    raise AssertionError(f"waited {within_s} s in vain until {what}")


@dataclass
class Process:
    """A real process of ours, with the address it listens on."""

    process: subprocess.Popen[bytes]
    url: str
    output: Path
    trust: ssl.SSLContext | bool = True

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN_S)

    def get(self, path: str) -> httpx.Response:
        """The answer to a GET."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, **named: Any) -> httpx.Response:
        """The answer to a request."""
        return httpx.request(method, self.url + path, timeout=30, verify=self.trust, **named)


@contextlib.contextmanager
def running(code: str, *, output: Path, port: int) -> Iterator[Process]:
    """A process that runs some code, killed at the end."""
    with output.open("ab") as file:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=file, stderr=file)
    try:
        yield Process(process, f"http://127.0.0.1:{port}", output)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A loopback port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def serving(folder: Path, log_folder: Path, *, version: int = 1, **named: Any) -> str:
    """Code that serves a version."""
    said = "".join(f", {name}={value!r}" for name, value in named.items())
    return (
        "from pathlib import PosixPath; from slipway.serving.server_options import Options; "
        "from slipway.serving.model_server.server import serve; "
        f"serve({MODEL!r}, version={version}, folder={folder!r}, log_folder={log_folder!r}{said})"
    )


@contextlib.contextmanager
def a_server(
    folder: Path, log_folder: Path, *, version: int = 1, options: Options = OPTIONS
) -> Iterator[Process]:
    """A model server, ready or refusing to be."""
    port = free_port()
    code = serving(folder, log_folder, version=version, options=options, port=port)
    with running(code, output=log_folder.parent / "server.out", port=port) as server:
        until(
            lambda: not server.get("/v2/health/ready").json().get("loading", False),
            "the server has loaded its model",
        )
        yield server


@contextlib.contextmanager
def a_shipper(store_root: str, log_folder: Path) -> Iterator[Process]:
    """The shipper."""
    code = (
        "from pathlib import Path; from slipway.serving.prediction_log.shipper import ship; "
        f"ship(store_root={store_root!r}, log_folder=Path({str(log_folder)!r}), poll_seconds=0.05)"
    )
    with running(code, output=log_folder.parent / "shipper.out", port=0) as shipper:
        yield shipper


@contextlib.contextmanager
def a_platform(
    store_root: str,
    versions: Path,
    scratch: Path,
    *,
    port: int | None = None,
    options: Options = OPTIONS,
    ca: Path | None = None,
) -> Iterator[Process]:
    """The local platform, live; over TLS if an authority is given."""
    port = port or free_port()
    code = (
        "from pathlib import Path, PosixPath; "
        "from slipway.adapters.object_store import open_store; "
        "from slipway.serving.server_options import Options; "
        "from slipway.serving.platform.platform import run; "
        "from tests.fakes.versions import FolderVersions; "
        f"run(store=open_store({store_root!r}), versions=FolderVersions(Path({str(versions)!r})), "
        f"scratch=Path({str(scratch)!r}), port={port}, poll_seconds=0.05, options={options!r})"
    )
    with running(code, output=scratch.parent / "platform.out", port=port) as platform:
        if ca is not None:
            platform.url = platform.url.replace("http:", "https:")
            platform.trust = ssl.create_default_context(cafile=ca)
        try:
            until(lambda: platform.get("/v2/health/live").is_success, "the platform is live")
            yield platform
        finally:
            if platform.process.poll() is None:
                platform.stop()


def logged(store_root: str, *, folder: str = "predictions") -> pd.DataFrame:
    """Every row of the prediction log in the store, repeats included."""
    store = open_store(store_root)
    keys = [entry.key for entry in store.list(f"{folder}/{MODEL}")]
    tables = [pq.read_table(os.fspath(Path(store_root) / key)).to_pandas() for key in keys]
    columns = ["request_id", "row"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


@dataclass
class Asker:
    """Asks without a pause, in a thread of its own, each time for another key.

    Attributes:
        answered: Version that answered, by request id.
        failed: What was not answered.
    """

    url: str
    body: dict[str, Any]
    answered: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for(self, more: int) -> None:
        """Until so many more requests were answered."""
        goal = len(self.answered) + more
        until(lambda: len(self.answered) >= goal or self.failed, f"{more} more answers")

    def _ask(self) -> None:
        with httpx.Client(timeout=90) as client:
            while not self._stop.is_set():
                request_id = uuid4().hex
                key = {"x-slipway-key": request_id}
                try:
                    reply = client.post(self.url, json={**self.body, "id": request_id}, headers=key)
                except httpx.TransportError as error:
                    self.failed.append(type(error).__name__)
                    continue
                if reply.is_success:
                    self.answered[request_id] = int(reply.json()["model_version"])
                else:
                    self.failed.append(f"{reply.status_code}: {reply.text}")
