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
from functools import partial
from itertools import accumulate, chain, pairwise
from typing import Any

from slipway.errors import BadRequest, SlipwayError
from slipway.serving.model_server.engine import Engine
from slipway.serving.model_server.float32_limit import float32_overflow
from slipway.serving.model_server.input_ranges import InputRanges
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.requests import (
    Answer,
    Explainable,
    ExplanationLate,
    Later,
    Log,
    ModelFailed,
    NotLogged,
    Outcome,
    PredictRequest,
    at_once,
)
from slipway.serving.model_server.row_extras import RowExtras
from slipway.serving.model_server.row_independence import scores_row_by_row
from slipway.serving.model_server.shapley_values import OutOfTime
from slipway.serving.model_server.warm_up import plausible_rows
from slipway.serving.prediction_log.personal_columns import PersonalColumns
from slipway.serving.prediction_log.write_ahead_log import Record
from slipway.serving.v2 import protocol
from slipway.serving.v2.explanation import Explanation, explanation_tensors
from slipway.serving.v2.outputs import outlier_tensors
from slipway.serving.v2.protocol import Inputs

WARM_UPS = 3
LOG_ERROR_SECONDS = 1.0
NO_EXTRAS = RowExtras()

logger = logging.getLogger(__name__)


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
        extras: What it answers beside its scores.
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
        extras: RowExtras = NO_EXTRAS,
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
        self._extras = extras
        self._batch_rows = metrics.batch_rows
        self._rows_without_key = metrics.rows_without_key
        names = [column.name for column in self.signature.columns]
        self._ranges = InputRanges(engine.manifest.get("ranges") or {}, names, metrics)

    def answer(self, requests: Sequence[PredictRequest]) -> list[Outcome]:
        """Answer a batch of requests, each logged by then; an error stands for a failed one.

        A request with `explain` is scored, and neither logged nor answered before `explain`.

        Requests that match the signature are scored as one frame if the model scores row by row.
        If that fails, each is scored alone, so that one bad request does not fail the others.

        Args:
            requests: The requests, as they arrived.
        """
        if len(requests) == 1:
            return [self.answer_one(requests[0])]
        read = [self._decode(request) for request in requests]
        good = [inputs for inputs in read if isinstance(inputs, Inputs)]
        scores = iter(self._score(good))
        return [
            self._finish(request, inputs, next(scores)) if isinstance(inputs, Inputs) else inputs
            for request, inputs in zip(requests, read, strict=True)
        ]

    def answer_one(self, request: PredictRequest, *, later: Later = at_once) -> Outcome:
        """Answer one request, as `answer` does.

        Args:
            request: The request, as it arrived.
            later: Takes what its client does not have to wait for.
        """
        inputs = self._decode(request)
        if isinstance(inputs, SlipwayError):
            return inputs
        return self._finish(request, inputs, self._score_alone(inputs, later))

    def explain(self, scored: Explainable, *, until: float) -> Answer:
        """Answer a scored request with its explanation, logged by then; an error if it failed.

        Args:
            scored: From `answer`.
            until: Time of the monotonic clock by which the explanation must be done.
        """
        request, inputs, scores = scored.request, scored.inputs, scored.scores
        if self._extras.explainer is None:
            return ModelFailed("the model failed", expected="a version that explains its answers")
        try:
            found = self._extras.explainer.explain(
                list(inputs.columns.values()), scores, until=until
            )
        except OutOfTime:
            return ExplanationLate(
                "the explanation was not done in time",
                hint="ask for fewer rows at a time, or raise SLIPWAY_EXPLAIN_SECONDS",
            )
        except Exception as error:  # noqa: BLE001
            return self._failed(error)
        return self._log_and_encode(request, inputs, scores, explanation=found)

    def _decode(self, request: PredictRequest) -> Inputs | SlipwayError:
        try:
            inputs = protocol.decode(
                request.body, self.signature, max_rows=self._max_rows, json_bytes=request.json_bytes
            )
        except BadRequest as error:
            return error
        if not inputs.explain:
            return inputs
        return self._extras.refusal_to_explain(inputs) or inputs

    def _finish(
        self, request: PredictRequest, inputs: Inputs, scores: list[Any] | SlipwayError
    ) -> Outcome:
        if isinstance(scores, SlipwayError):
            return scores
        if inputs.explain:
            return Explainable(request, inputs, scores)
        return self._log_and_encode(request, inputs, scores)

    def _score(self, group: Sequence[Inputs]) -> list[list[Any] | SlipwayError]:
        if self.batches and len(group) > 1:
            # If it fails, each is scored alone, and only the failing request fails again.
            with suppress(ModelFailed, BadRequest):
                return self._score_together(group)
        return [self._score_alone(inputs, at_once) for inputs in group]

    def _score_together(self, group: Sequence[Inputs]) -> list[list[Any] | SlipwayError]:
        columns = zip(*(inputs.columns.values() for inputs in group), strict=True)
        ends = list(accumulate(inputs.rows for inputs in group))
        values = [list(chain.from_iterable(parts)) for parts in columns]
        scores = self._score_and_count(values, ends[-1], at_once)
        return [scores[start:end] for start, end in pairwise([0, *ends])]

    def _score_alone(self, inputs: Inputs, later: Later) -> list[Any] | SlipwayError:
        values = list(inputs.columns.values())
        try:
            return self._score_and_count(values, inputs.rows, later)
        except (ModelFailed, BadRequest) as error:
            return float32_overflow(values, self.signature) or error

    def _score_and_count(
        self, values: Sequence[Sequence[Any]], rows: int, later: Later
    ) -> list[Any]:
        scores = self._run(values, rows)
        later(partial(self._count, values, rows))
        return scores

    def _count(self, values: Sequence[Sequence[Any]], rows: int) -> None:
        self._batch_rows.observe(rows)
        self._ranges.count(values)

    def _run(self, values: Sequence[Sequence[Any]], rows: int) -> list[Any]:
        try:
            scores = self.engine.score(values)
        except BadRequest:
            raise
        except Exception as error:  # noqa: BLE001
            raise self._failed(error) from None
        answer: list[Any] = scores.tolist()
        width = () if self._classes is None else (len(self._classes),)
        cells = chain.from_iterable(answer) if width else answer
        if scores.shape != (rows, *width) or not all(map(math.isfinite, cells)):
            raise ModelFailed("the model failed", expected="one finite score per row and class")
        return answer

    def _failed(self, error: Exception) -> ModelFailed:
        # The message of a model's exception may contain values; its class and traceback do not.
        place = "".join(traceback.format_tb(error.__traceback__))
        self._log_error("the model raised %s\n%s", type(error).__name__, place)
        return ModelFailed("the model failed", found=type(error).__name__)

    def _log_error(self, text: str, *facts: object) -> None:
        """Log an error at most once a second, so that a full disk is not filled by logs."""
        now = time.monotonic()
        if now >= self._next_error_log_at:
            self._next_error_log_at = now + LOG_ERROR_SECONDS
            logger.error(text, *facts)

    def _log_and_encode(
        self,
        request: PredictRequest,
        inputs: Inputs,
        scores: list[Any],
        *,
        explanation: Explanation | None = None,
    ) -> Answer:
        outliers = self._extras.outliers
        unusual = None if outliers is None else outliers.score(list(inputs.columns.values()))
        request_id = inputs.request_id or request.fallback_id or f"{random.getrandbits(128):032x}"
        record = Record(
            request_id=request_id,
            received_us=request.received_us,
            keys=inputs.keys,
            event_times_us=inputs.event_times_us,
            columns=self._personal_columns.values(inputs.columns),
            scores=scores,
            probe=inputs.probe,
            outlier_scores=unusual,
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
            beside=outlier_tensors(unusual) | explanation_tensors(explanation),
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
