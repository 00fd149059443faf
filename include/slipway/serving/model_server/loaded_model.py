"""Answer infer requests with a loaded model version: decode, score, log, encode.

Runs in model servers. All of it may block, so the event loop calls it for small requests only.
"""

from __future__ import annotations

import logging
import math
import random
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Any, Protocol

from slipway.errors import BadRequest, SlipwayError, Transient
from slipway.serving.model_server.engine import Engine
from slipway.serving.model_server.input_ranges import InputRanges
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.row_independence import scores_row_by_row
from slipway.serving.model_server.warm_up import plausible_rows
from slipway.serving.prediction_log.personal_columns import PersonalColumns
from slipway.serving.prediction_log.write_ahead_log import Header, Record
from slipway.serving.v2 import protocol
from slipway.serving.v2.errors import Mismatch
from slipway.serving.v2.protocol import Encoded, Inputs
from slipway.serving.v2.signature import Signature
from slipway.serving.v2.tensors import quoted_name
from slipway.values.v2_tensors import FLOATS

WARM_UPS = 3
LOG_ERROR_SECONDS = 1.0
LARGEST = FLOATS["FP32"]

logger = logging.getLogger(__name__)


class NotLogged(Transient):
    """A response could not be written to the prediction log; a retry can help."""


class ModelFailed(SlipwayError):
    """The model failed on inputs that match its signature."""


class Log(Protocol):
    """The prediction log, written before the response is sent."""

    def append(self, record: Record) -> None:
        """Append one record.

        Raises:
            OSError: The record was not written.
        """

    def roll(self) -> None:
        """Release the segment to the shipper if its roll interval has passed."""

    def close(self) -> None:
        """Release the segment to the shipper."""

    def free_bytes(self) -> int:
        """Free bytes on its disk."""


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """An infer request as it arrived.

    Attributes:
        body: The whole body.
        received_us: Time of arrival, microseconds since 1970 in UTC.
        fallback_id: Request id for a body without one.
        json_bytes: Length of the JSON part; None if the whole body is JSON.
    """

    body: bytes
    received_us: int
    fallback_id: str | None = None
    json_bytes: int | None = None


Answer = Encoded | SlipwayError


class LoadedModel:
    """A model version that answers requests.

    Attributes:
        row_seconds: Time to score one row, measured by the warm-up.
        batches: Whether requests are scored as one frame; only if that does not change scores.

    Args:
        model: Its name.
        version: Its version.
        engine: Scores rows.
        log: Receives every response before it is sent.
        personal_columns: Personal columns to hash or drop in the log.
        metrics: Counts rows and out-of-range inputs.
        max_rows: Limit on the rows of a request.
    """

    def __init__(
        self,
        model: str,
        version: int,
        engine: Engine,
        *,
        log: Log,
        personal_columns: PersonalColumns,
        metrics: Metrics,
        max_rows: int,
    ) -> None:
        self.model = model
        self.version = version
        self.engine = engine
        self.signature = engine.signature
        self._classes = engine.classes
        identity = self.signature.identity
        self._is_key_derived = identity is not None and bool(identity.key.parts)
        self.log = log
        self.row_seconds = math.inf
        self.batches = False
        self._next_error_log_at = 0.0
        self._personal_columns = personal_columns
        self._max_rows = max_rows
        self._batch_rows = metrics.batch_rows
        self._rows_without_key = metrics.rows_without_key
        names = [column.name for column in self.signature.columns]
        self._ranges = InputRanges(engine.manifest.get("ranges") or {}, names, metrics)

    def answer(self, requests: Sequence[PredictRequest]) -> list[Answer]:
        """Answer a batch of requests, each logged by then; an error stands for a failed one.

        Requests that match the signature are scored as one frame if the model scores row by row.
        If that fails, each is scored alone, so that one bad request does not fail the others.

        Args:
            requests: The requests, as they arrived.
        """
        read = [self._decode(request) for request in requests]
        good = [inputs for inputs in read if isinstance(inputs, Inputs)]
        scores = iter(self._score(good))
        return [
            self._log_and_encode(request, inputs, next(scores))
            if isinstance(inputs, Inputs)
            else inputs
            for request, inputs in zip(requests, read, strict=True)
        ]

    def _decode(self, request: PredictRequest) -> Inputs | SlipwayError:
        try:
            return protocol.decode(
                request.body, self.signature, max_rows=self._max_rows, json_bytes=request.json_bytes
            )
        except BadRequest as error:
            return error

    def _score(self, group: Sequence[Inputs]) -> list[list[Any] | SlipwayError]:
        if self.batches and len(group) > 1:
            # If it fails, each is scored alone, and only the failing request fails again.
            with suppress(ModelFailed, BadRequest):
                return self._score_together(group)
        return [self._score_alone(inputs) for inputs in group]

    def _score_together(self, group: Sequence[Inputs]) -> list[list[Any] | SlipwayError]:
        columns = zip(*(inputs.columns.values() for inputs in group), strict=True)
        ends = list(accumulate(inputs.rows for inputs in group))
        scores = self._score_and_count(
            [list(chain.from_iterable(parts)) for parts in columns], ends[-1]
        )
        return [scores[start:end] for start, end in pairwise([0, *ends])]

    def _score_alone(self, inputs: Inputs) -> list[Any] | SlipwayError:
        values = list(inputs.columns.values())
        try:
            return self._score_and_count(values, inputs.rows)
        except (ModelFailed, BadRequest) as error:
            return _float32_overflow(values, self.signature) or error

    def _score_and_count(self, values: Sequence[Sequence[Any]], rows: int) -> list[Any]:
        self._batch_rows.observe(rows)
        scores = self._run(values, rows)
        self._ranges.count(values)
        return scores

    def _run(self, values: Sequence[Sequence[Any]], rows: int) -> list[Any]:
        try:
            scores = self.engine.score(values)
        except BadRequest:
            raise
        except Exception as error:  # noqa: BLE001
            # The message of a model's exception may contain values; its class and traceback do not.
            place = "".join(traceback.format_tb(error.__traceback__))
            self._log_error("the model raised %s\n%s", type(error).__name__, place)
            raise ModelFailed("the model failed", found=type(error).__name__) from None
        answer: list[Any] = scores.tolist()
        width = () if self._classes is None else (len(self._classes),)
        cells = chain.from_iterable(answer) if width else answer
        if scores.shape != (rows, *width) or not all(map(math.isfinite, cells)):
            raise ModelFailed("the model failed", expected="one finite score per row and class")
        return answer

    def _log_error(self, text: str, *facts: object) -> None:
        """Log an error at most once a second, so that a full disk is not filled by logs."""
        now = time.monotonic()
        if now >= self._next_error_log_at:
            self._next_error_log_at = now + LOG_ERROR_SECONDS
            logger.error(text, *facts)

    def _log_and_encode(
        self, request: PredictRequest, inputs: Inputs, scores: list[Any] | SlipwayError
    ) -> Answer:
        if isinstance(scores, SlipwayError):
            return scores
        request_id = inputs.request_id or request.fallback_id or f"{random.getrandbits(128):032x}"
        record = Record(
            request_id=request_id,
            received_us=request.received_us,
            keys=inputs.keys,
            event_times_us=inputs.event_times_us,
            columns=self._personal_columns.values(inputs.columns),
            scores=scores,
            probe=inputs.probe,
        )
        try:
            self.log.append(record)
        except OSError as error:
            self._log_error("a response could not be logged: %s", error)
            return NotLogged(
                "the response could not be written to the prediction log",
                found=error.strerror or type(error).__name__,
                hint="check the disk of the scratch folder, then retry",
            )
        if inputs.absent_of_key and not inputs.probe:
            self._rows_without_key.inc(inputs.rows)
        return protocol.encode_answer(
            self.model,
            self.version,
            request_id,
            scores,
            outputs=inputs.outputs,
            classes=self._classes,
            absent_of_key=inputs.absent_of_key if self._is_key_derived else (),
        )

    def warm_up(self) -> None:
        """Score synthetic rows: measure the time per row, and decide whether to batch requests.

        Raises:
            ModelFailed: The engine failed.
        """
        rows = plausible_rows(self.signature, self.engine.manifest.get("ranges") or {})
        one = [column[:1] for column in rows]
        for _ in range(WARM_UPS):
            began = time.perf_counter()
            self._run(one, 1)
            self.row_seconds = min(self.row_seconds, time.perf_counter() - began)
        # Batching requests does not speed up ONNX Runtime.
        if self.engine.name == "sklearn":
            self.batches = scores_row_by_row(lambda some: self._run(some, len(some[0])), rows)


def header_of(
    model: str, version: int, engine: Engine, personal_columns: PersonalColumns
) -> Header:
    """Header of a version's log segments."""
    columns = [(column.name, column.kind) for column in engine.signature.columns]
    logged, classes = personal_columns.columns(columns), engine.classes
    return Header(model, version, logged, None if classes is None else list(classes))


def _float32_overflow(values: Sequence[Sequence[Any]], signature: Signature) -> Mismatch | None:
    """Error if a number exceeds float32, in which trees compute; None otherwise."""
    for column, numbers in zip(signature.columns, values, strict=True):
        if column.kind != "number":
            continue
        for row, value in enumerate(numbers):
            if value is not None and abs(value) > LARGEST:
                return Mismatch(
                    f"column {quoted_name(column.name)} has a number in row {row} that is too "
                    "large for this model",
                    expected=f"at most {LARGEST:.3g} in size",
                )
    return None
