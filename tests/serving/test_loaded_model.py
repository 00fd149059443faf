"""One loaded model and its answers, without a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from slipway.errors import SlipwayError
from slipway.serving.model_server import loaded_model
from slipway.serving.model_server.engine import Engine
from slipway.serving.model_server.load_engine import load_engine
from slipway.serving.model_server.load_model import header_of
from slipway.serving.model_server.loaded_model import LoadedModel
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.requests import ModelFailed, NotLogged, PredictRequest
from slipway.serving.prediction_log.personal_columns import PersonalColumns
from slipway.serving.prediction_log.write_ahead_log import Record, WriteAheadLog
from slipway.serving.server_options import Options
from slipway.serving.v2.errors import Malformed, Mismatch
from slipway.serving.v2.protocol import Encoded
from slipway.stages.model.personal_keys import NO_KEYS
from slipway.stages.ports.raw_column import RawColumn
from tests.serving.model_versions import MODEL, flights, request_of

COLUMNS = (
    RawColumn("distance", "number", required=True),
    RawColumn("temperature", "number", required=False),
    RawColumn("carrier", "string", required=True),
    RawColumn("origin", "string", required=False),
)
MANIFEST = {"key": "flight_id", "event_time": "scheduled_departure"}

Score = Callable[[Sequence[Sequence[Any]]], np.ndarray]


class MemoryLog:
    """A prediction log that keeps its records in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, record: Record) -> None:
        """Keep a record."""
        self.records.append(record)

    def roll(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def free_bytes(self) -> int:
        """More than any limit."""
        return 1 << 40


def constant(score: float) -> Score:
    """A model with one score for every row."""
    return lambda values: np.full(len(values[0]), score)


def raises(values: Sequence[Sequence[Any]]) -> np.ndarray:
    """A model that raises an error with a value in its message."""
    raise ValueError(f"cannot take {values[0][0]}")


def float32_only(values: Sequence[Sequence[Any]]) -> np.ndarray:
    """A model that refuses numbers beyond float32, as trees do."""
    numbers = np.array(values[0], dtype=float)
    if (abs(numbers) > np.finfo(np.float32).max).any():
        raise ValueError("Input data contains a value too large for float32")
    return numbers


def loaded(
    score: Score,
    *,
    name: Literal["onnx", "sklearn"] = "sklearn",
    log: Any = None,
    pii: dict[str, str] | None = None,
    metrics: Metrics | None = None,
    **manifest: Any,
) -> LoadedModel:
    """A loaded model with a given score function."""
    engine = Engine(name, COLUMNS, MANIFEST | manifest, score)
    return LoadedModel(
        MODEL,
        1,
        engine,
        log=log or MemoryLog(),
        personal_columns=PersonalColumns(pii or {}, NO_KEYS),
        metrics=metrics or Metrics(MODEL, 1),
        max_rows=100,
    )


def predict_request(rows: int = 1, **changed: Any) -> PredictRequest:
    """A request with some rows; `changed` replaces the values of a column."""
    body = request_of(flights(rows))
    for tensor in body["inputs"]:
        tensor["data"] = changed.get(tensor["name"], tensor["data"])
    return PredictRequest(json.dumps(body).encode(), 0, "given")


def scores(answer: Encoded | SlipwayError) -> list[float]:
    """Scores of an answer."""
    assert isinstance(answer, Encoded)
    data: list[float] = json.loads(answer.body)["outputs"][0]["data"]
    return data


def test_a_request_is_named_by_its_header_if_its_body_does_not() -> None:
    """The platform's request id is echoed, so a repeated request counts once."""
    [answer] = loaded(constant(0.5)).answer([predict_request()])
    assert isinstance(answer, Encoded)
    assert json.loads(answer.body)["id"] == "given"


def test_no_answer_without_a_log(tmp_path: Path) -> None:
    """A request is refused while the log cannot be written."""
    (tmp_path / "log").write_text("a file where a folder should be")
    engine = Engine("sklearn", COLUMNS, MANIFEST, constant(0.5))
    header = header_of(MODEL, 1, engine, PersonalColumns({}, NO_KEYS))
    log = WriteAheadLog(tmp_path / "log", header=header, options=Options(min_free_bytes=0))
    [answer] = loaded(constant(0.5), log=log).answer([predict_request()])
    assert isinstance(answer, NotLogged)


@pytest.mark.parametrize(
    "score",
    [raises, constant(float("nan")), lambda _: np.zeros((1, 2))],
    ids=["raises", "not a number", "too many"],
)
def test_a_failing_model_quotes_no_value(score: Score, caplog: pytest.LogCaptureFixture) -> None:
    """A model that raises or returns no number is a server error without values."""
    [answer] = loaded(score).answer([predict_request(distance=[1234.5])])
    assert isinstance(answer, ModelFailed)
    assert "1234" not in str(answer) + caplog.text


def test_a_full_disk_is_logged_once_in_a_while(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that repeats for thousands of requests is logged once in each interval."""
    monkeypatch.setattr(loaded_model, "LOG_ERROR_SECONDS", 3600.0)

    class Full(MemoryLog):
        def append(self, record: Record) -> None:
            """Fail, as a disk does."""
            super().append(record)
            raise OSError(28, "No space left on device")

    model = loaded(constant(0.5), log=Full())
    answers = [model.answer([predict_request()])[0] for _ in range(50)]
    assert all(isinstance(answer, NotLogged) for answer in answers)
    assert len(caplog.records) == 1


def test_a_number_that_trees_cannot_hold_is_the_clients_fault() -> None:
    """The error names the column with a number beyond float32."""
    [answer] = loaded(float32_only).answer([predict_request(distance=[1e300])])
    assert isinstance(answer, Mismatch)
    assert "distance" in str(answer)
    assert "1e+300" not in str(answer)


def test_only_the_invalid_request_fails() -> None:
    """Other requests of its batch are answered."""
    log = MemoryLog()
    good = [predict_request(1, distance=[float(number)]) for number in range(3)]
    bad = [PredictRequest(b"{", 0), predict_request(distance=[1e300])]
    model = loaded(float32_only, log=log)
    model.warm_up()
    assert model.batches
    answers = model.answer([good[0], bad[0], good[1], bad[1], good[2]])
    assert [scores(answers[place]) for place in (0, 2, 4)] == [[0.0], [1.0], [2.0]]
    assert isinstance(answers[1], Malformed)
    assert isinstance(answers[3], Mismatch)
    assert [record.scores for record in log.records] == [[0.0], [1.0], [2.0]]


def test_dropped_columns_reach_the_model_and_not_the_log() -> None:
    """A personal column is a model input; the log leaves it out."""
    log = MemoryLog()
    model = loaded(float32_only, log=log, pii={"distance": "drop"})
    [answer] = model.answer([predict_request(distance=[7.0])])
    assert scores(answer) == [7.0]
    [record] = log.records
    assert len(record.columns) == 3
    assert [7.0] not in record.columns


def test_a_model_is_warm_only_if_it_answers() -> None:
    """The warm-up rows are plausible, and a failure is raised."""
    seen: list[Any] = []

    def remember(values: Sequence[Sequence[Any]]) -> np.ndarray:
        seen.append(values)
        return np.zeros(len(values[0]))

    ranges = {"numbers": {"distance": [100.0, 200.0]}, "categories": {"carrier": ["AA", "DL"]}}
    model = loaded(remember, ranges=ranges)
    model.warm_up()
    [distance, temperature, carrier, origin] = max(seen, key=lambda values: len(values[0]))
    assert all(100 <= value <= 200 for value in distance)
    assert None in temperature
    assert set(carrier) == {"AA", "DL"}
    assert set(origin) == {"", None}
    assert 0 < model.row_seconds < 1
    with pytest.raises(ModelFailed):
        loaded(raises).warm_up()


def test_a_model_that_depends_on_other_rows_is_not_batched() -> None:
    """A score that depends on the frame would depend on concurrent requests."""

    def ranks(values: Sequence[Sequence[Any]]) -> np.ndarray:
        return np.argsort(values[0]).astype(float)

    model = loaded(ranks)
    model.warm_up()
    assert not model.batches
    answers = model.answer([predict_request(distance=[2.0]), predict_request(distance=[1.0])])
    assert [scores(answer) for answer in answers] == [[0.0], [0.0]]


@pytest.mark.parametrize(
    ("version", "batches"),
    [("1", False), ("4", None), ("5", True)],
    ids=["onnx", "linear", "trees"],
)
def test_answers_do_not_depend_on_the_batch(
    versions: Path, *, version: str, batches: bool | None
) -> None:
    """Concurrent requests get the scores that each gets alone, bit by bit.

    Trees are scored as one frame. A linear model may round differently in a larger frame;
    its requests are scored apart where the processor's linear algebra does so.
    """
    engine = load_engine(versions / version)
    model = loaded(engine.score, name=engine.name)
    model.warm_up()
    assert batches is None or model.batches == batches
    requests = [
        PredictRequest(
            json.dumps(request_of(flights(1 + number % 3, seed=number))).encode(), 0, "x"
        )
        for number in range(40)
    ]
    alone = [scores(model.answer([one])[0]) for one in requests]
    together = [scores(answer) for answer in model.answer(requests)]
    assert together == alone
