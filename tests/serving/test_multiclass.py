"""A model of several classes over HTTP: answers, metadata, prediction log and replay."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.v2_replies import parse_answer
from slipway.adapters.prediction_log import PredictionLog
from slipway.spec import ModelSpec
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.rollout.platform import Payload, Prediction
from slipway.stages.rollout.replay import Replay
from tests.serving.model_versions import DATASET, MODEL, SPEC, flights, request_of, use_pipeline
from tests.serving.processes import Process, running_server, running_shipper, until

INFER = f"/v2/models/{MODEL}/infer"
TEXTS: tuple[str | int, ...] = ("early", "late", "on time, or nearly \u2713")
NUMBERS: tuple[str | int, ...] = (-1, 0, 7)
METRIC = {"f1_macro": {"threshold": 0.1}}


def save(folder: Path, classes: Sequence[str | int]) -> Path:
    """Train on made-up flights by class, and save a version."""
    value = SPEC.model_dump() | {
        "task": "multiclass",
        "gates": {"metrics": METRIC},
        "monitoring": {"performance": {"metric": "f1_macro", "max_absolute_drop": 0.1}},
    }
    spec = ModelSpec.model_validate(value)
    rows = flights(400)
    codes = np.digitize(rows["distance"], [1000, 2000])
    learned = SklearnLearner(spec, DATASET, None).learn(rows.assign(late=codes), classes=classes)
    sample = rows.head(50)
    reference = ReferenceRows(
        features=sample[spec.features.names],
        times=sample[DATASET.event_time],
        scores=learned.predict(sample),
        held_out=np.ones(50, dtype=bool),
    )
    facts = {
        "model": MODEL,
        "task": "multiclass",
        "key": DATASET.key,
        "event_time": DATASET.event_time,
    }
    learned.save(folder, facts=facts, reference=reference)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A version by the kind of its classes and its engine."""
    root = tmp_path_factory.mktemp("multiclass")
    texts, numbers = save(root / "texts", TEXTS), save(root / "numbers", NUMBERS)
    pipeline = save(root / "pipeline", TEXTS)
    use_pipeline(pipeline)
    return {"texts": texts, "numbers": numbers, "pipeline": pipeline}


@pytest.fixture(scope="module")
def server(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server of the version with texts, by ONNX Runtime."""
    log = tmp_path_factory.mktemp("server") / "log"
    with running_server(folders["texts"], log) as running:
        yield running


def post(server: Process, body: dict[str, Any]) -> httpx.Response:
    """The reply to a request."""
    return server.ask("POST", INFER, content=json.dumps(body).encode(), timeout=60)


def expected(folder: Path, rows: pd.DataFrame) -> tuple[list[Any], np.ndarray[Any, Any]]:
    """Labels and scores as the package predicts them offline."""
    package = load_package(folder)
    scores = package.predict(rows)
    return [package.manifest["classes"][code] for code in scores.argmax(axis=1)], scores


@pytest.mark.parametrize("rows", [1, 60, 2000])
def test_an_answer_has_the_label_and_the_scores_of_each_row(
    server: Process, folders: dict[str, Path], rows: int
) -> None:
    """Labels in BYTES, scores as FP64 of shape [n, k], flat and row by row."""
    asked = flights(rows, seed=5)
    label, scores = post(server, request_of(asked)).json()["outputs"]
    labels, wanted = expected(folders["texts"], asked)
    assert (label["name"], label["datatype"], label["shape"]) == ("label", "BYTES", [rows])
    assert label["data"] == labels
    assert (scores["name"], scores["datatype"], scores["shape"]) == ("scores", "FP64", [rows, 3])
    assert np.allclose(np.reshape(scores["data"], (rows, 3)), wanted, atol=1e-6)


def test_the_metadata_have_the_order_of_the_classes(server: Process) -> None:
    """A client needs nothing else to name a score."""
    label, scores = server.get(f"/v2/models/{MODEL}").json()["outputs"]
    assert label == {"name": "label", "datatype": "BYTES", "shape": [-1]}
    assert (scores["datatype"], scores["shape"]) == ("FP64", [-1, 3])
    assert scores["parameters"] == {"classes": list(TEXTS)}
    schema = server.get("/openapi.json").json()["components"]["schemas"]["InferResponse"]
    assert str(list(TEXTS)) in str(schema)


def test_answers_in_bytes_are_the_same(server: Process, folders: dict[str, Path]) -> None:
    """Texts each after their length, scores in doubles."""
    asked = flights(4, seed=6)
    body = request_of(asked) | {"parameters": {"binary_data_output": True}}
    reply = post(server, body)
    head = int(reply.headers["inference-header-content-length"])
    label, scores = json.loads(reply.content[:head])["outputs"]
    sizes = [one["parameters"]["binary_data_size"] for one in (label, scores)]
    tail = reply.content[head:]
    assert len(tail) == sum(sizes)
    labels, wanted = expected(folders["texts"], asked)
    packed = b"".join(struct.pack("<I", len(one.encode())) + one.encode() for one in labels)
    assert tail[: sizes[0]] == packed
    assert np.allclose(np.frombuffer(tail[sizes[0] :]).reshape(4, 3), wanted, atol=1e-6)


def test_each_output_can_be_requested_alone(server: Process) -> None:
    """In JSON and in bytes; one that the model does not have is refused."""
    body = request_of(flights(2))
    [only] = post(server, body | {"outputs": [{"name": "label"}]}).json()["outputs"]
    assert only["name"] == "label"
    mixed = [{"name": "scores", "parameters": {"binary_data": True}}, {"name": "label"}]
    reply = post(server, body | {"outputs": mixed})
    head = int(reply.headers["inference-header-content-length"])
    label, scores = json.loads(reply.content[:head])["outputs"]
    assert "data" in label
    assert scores["parameters"] == {"binary_data_size": 2 * 3 * 8}
    refused = post(server, body | {"outputs": [{"name": "score"}]})
    assert refused.status_code == 422
    assert "label, scores" in refused.json()["error"]
    twice = post(server, body | {"outputs": [{"name": "label"}, {"name": "label"}]})
    assert twice.status_code == 400


def test_integer_classes_are_int64(folders: dict[str, Path], tmp_path: Path) -> None:
    """In JSON as whole numbers, in bytes as eight each; the log holds integers too."""
    asked = flights(30, seed=5)
    labels, _ = expected(folders["numbers"], asked)
    with running_server(folders["numbers"], tmp_path / "log") as server:
        label, _ = post(server, request_of(asked)).json()["outputs"]
        assert (label["datatype"], label["data"]) == ("INT64", labels)
        body = request_of(asked) | {"parameters": {"binary_data_output": True}}
        reply = post(server, body | {"outputs": [{"name": "label"}]})
        head = int(reply.headers["inference-header-content-length"])
        assert struct.unpack("<30q", reply.content[head:]) == tuple(labels)
        store = tmp_path / "store"
        with running_shipper(str(store), tmp_path / "log"):
            log = PredictionLog(open_store(str(store)))
            until(lambda: log.count(MODEL) == 60, "the log is shipped")
        found = log.read(MODEL, columns=("key", "label", "scores")).drop_duplicates("key")
        assert found.set_index("key").loc[asked["flight_id"], "label"].tolist() == labels
        assert np.allclose(np.array(found["scores"].tolist()).sum(axis=1), 1.0)


class HttpCandidate:
    """A candidate that is a running server."""

    cold_start_s, resident_mib = 1.0, 100.0

    def __init__(self, server: Process, *, shift: int = 0) -> None:
        self._server, self._shift = server, shift

    def infer(self, payload: Payload) -> Prediction:
        """Its prediction; labels of other rows where they are shifted."""
        answer = parse_answer(post(self._server, dict(payload)), self._server.url)
        others = tuple(TEXTS[(TEXTS.index(one) + self._shift) % 3] for one in answer.labels)
        return Prediction(answer.version, answer.scores, others)

    def refuses(self, body: bytes) -> bool:
        """Whether it refuses a body."""
        return self._server.ask("POST", INFER, content=body).is_client_error


@pytest.mark.parametrize("kind", ["texts", "pipeline"])
def test_a_replay_finds_no_difference(folders: dict[str, Path], tmp_path: Path, kind: str) -> None:
    """Both engines answer the offline predictions, with the labels of the largest scores."""
    rows = flights(30, seed=8)
    with running_server(folders[kind], tmp_path / "log") as server:
        replay = Replay(rows, load_package(folders[kind]), DATASET)
        result = replay.run(HttpCandidate(server))
        assert result.max_difference is not None
        assert result.max_difference <= 1e-6
        assert (result.wrong_labels, result.accepted) == (0, ())
        assert replay.run(HttpCandidate(server, shift=1)).wrong_labels == 30
