"""One loaded model version: from the bytes of requests to the bytes of their answers.

Runs in model servers. Everything here may block: on the event loop only what is small is answered.
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
from slipway.serving.model_server.engines import Engine
from slipway.serving.model_server.input_ranges import InputRanges
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.warm_up import plausible_rows, scores_row_by_row
from slipway.serving.prediction_log.personal_columns import PersonalColumns
from slipway.serving.prediction_log.write_ahead_log import Header, Record
from slipway.serving.v2 import protocol
from slipway.serving.v2.errors import Mismatch
from slipway.serving.v2.protocol import Encoded, Inputs, Signature
from slipway.serving.v2.tensors import FLOATS, quoted_name

WARM_UPS = 3
TELL_SECONDS = 1.0
LARGEST = FLOATS["FP32"]

logger = logging.getLogger(__name__)


class NotLogged(Transient):
    """An answer could not be written to the prediction log; a retry can help."""


class ModelFailed(SlipwayError):
    """The model has no answer to inputs that fit its signature."""


class Log(Protocol):
    """Where answers are written before they are given."""

    def append(self, record: Record) -> None:
        """Add one record.

        Raises:
            OSError: It was not written.
        """

    def roll(self) -> None:
        """Hand over what is old enough."""

    def close(self) -> None:
        """Hand over everything."""

    def free_bytes(self) -> int:
        """What is free on its disk."""


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """One request as it arrived.

    Attributes:
        body: All of it.
        received_us: When, in microseconds since 1970 in UTC.
        fallback_id: Names the request if its body does not.
        json_bytes: How many bytes of the body are JSON; None: all of them.
    """

    body: bytes
    received_us: int
    fallback_id: str | None = None
    json_bytes: int | None = None


Answer = Encoded | SlipwayError


class LoadedModel:
    """A model version that can answer.

    Attributes:
        row_seconds: What one row takes, once it was warmed up.
        batches: Whether requests are scored as one frame: only if none can tell the difference.

    Args:
        model: Its name.
        version: Its version.
        engine: What scores.
        log: Holds every answer before it is given.
        privacy: What of a request may be logged.
        metrics: Where rows and odd inputs are counted.
        max_rows: A request with more rows is refused.
    """

    def __init__(
        self,
        model: str,
        version: int,
        engine: Engine,
        *,
        log: Log,
        privacy: PersonalColumns,
        metrics: Metrics,
        max_rows: int,
    ) -> None:
        self.model = model
        self.version = version
        self.engine = engine
        self.signature = engine.signature
        self.log = log
        self.row_seconds = math.inf
        self.batches = False
        self._tell_at = 0.0
        self._privacy = privacy
        self._max_rows = max_rows
        self._batch_rows = metrics.batch_rows
        names = [column.name for column in self.signature.columns]
        self._ranges = InputRanges(engine.manifest.get("ranges") or {}, names, metrics)

    def answer(self, asked: Sequence[PredictRequest]) -> list[Answer]:
        """The answers to some requests, each in the prediction log by then, or why there is none.

        What fits the signature is scored as one frame, if the model scores row by row. Should
        that fail, each request is scored alone, so that none suffers for its neighbours.

        Args:
            asked: The requests, as they arrived.
        """
        read = [self._read(one) for one in asked]
        good = [inputs for inputs in read if isinstance(inputs, Inputs)]
        scores = iter(self._score(good))
        return [
            self._finish(one, inputs, next(scores)) if isinstance(inputs, Inputs) else inputs
            for one, inputs in zip(asked, read, strict=True)
        ]

    def _read(self, one: PredictRequest) -> Inputs | SlipwayError:
        try:
            return protocol.decode(
                one.body, self.signature, max_rows=self._max_rows, json_bytes=one.json_bytes
            )
        except BadRequest as error:
            return error

    def _score(self, group: Sequence[Inputs]) -> list[list[float] | SlipwayError]:
        if self.batches and len(group) > 1:
            # Where that fails, each is scored alone, and only the guilty one fails again.
            with suppress(ModelFailed, BadRequest):
                return self._score_together(group)
        return [self._score_alone(inputs) for inputs in group]

    def _score_together(self, group: Sequence[Inputs]) -> list[list[float] | SlipwayError]:
        columns = zip(*(inputs.columns.values() for inputs in group), strict=True)
        ends = list(accumulate(inputs.rows for inputs in group))
        scores = self._counted([list(chain.from_iterable(parts)) for parts in columns], ends[-1])
        return [scores[start:end] for start, end in pairwise([0, *ends])]

    def _score_alone(self, inputs: Inputs) -> list[float] | SlipwayError:
        values = list(inputs.columns.values())
        try:
            return self._counted(values, inputs.rows)
        except (ModelFailed, BadRequest) as error:
            return _float32_overflow(values, self.signature) or error

    def _counted(self, values: Sequence[Sequence[Any]], rows: int) -> list[float]:
        self._batch_rows.observe(rows)
        scores = self._run(values, rows)
        self._ranges.count(values)
        return scores

    def _run(self, values: Sequence[Sequence[Any]], rows: int) -> list[float]:
        try:
            scores = self.engine.score(values)
        except BadRequest:
            raise
        except Exception as error:  # noqa: BLE001
            # The text of a model's exception may hold values; its kind and its place do not.
            place = "".join(traceback.format_tb(error.__traceback__))
            self._tell("the model raised %s\n%s", type(error).__name__, place)
            raise ModelFailed("the model failed", found=type(error).__name__) from None
        answer: list[float] = scores.tolist()
        if scores.shape != (rows,) or not all(map(math.isfinite, answer)):
            raise ModelFailed("the model failed", expected="one finite score per row")
        return answer

    def _tell(self, text: str, *facts: object) -> None:
        """Log an error, but not each of thousands a second: a full disk would only get fuller."""
        now = time.monotonic()
        if now >= self._tell_at:
            self._tell_at = now + TELL_SECONDS
            logger.error(text, *facts)

    def _finish(
        self, one: PredictRequest, inputs: Inputs, scores: list[float] | SlipwayError
    ) -> Answer:
        if isinstance(scores, SlipwayError):
            return scores
        request_id = inputs.request_id or one.fallback_id or f"{random.getrandbits(128):032x}"
        record = Record(
            request_id=request_id,
            received_us=one.received_us,
            keys=inputs.keys,
            event_times_us=inputs.event_times_us,
            columns=self._privacy.values(inputs.columns),
            scores=scores,
            probe=inputs.probe,
        )
        try:
            self.log.append(record)
        except OSError as error:
            self._tell("an answer could not be logged: %s", error)
            return NotLogged(
                "the answer could not be written to the prediction log",
                found=error.strerror or type(error).__name__,
                hint="look at the disk of the scratch folder, then ask again",
            )
        return protocol.encode_answer(
            self.model, self.version, request_id, scores, binary=inputs.wants_binary
        )

    def warm_up(self) -> None:
        """Make sure that the engine answers, and learn how it does.

        Raises:
            ModelFailed: It does not answer.
        """
        rows = plausible_rows(self.signature, self.engine.manifest.get("ranges") or {})
        one = [column[:1] for column in rows]
        for _ in range(WARM_UPS):
            began = time.perf_counter()
            self._run(one, 1)
            self.row_seconds = min(self.row_seconds, time.perf_counter() - began)
        # ONNX Runtime gains nothing from company that one row does not cost.
        if self.engine.name == "sklearn":
            self.batches = scores_row_by_row(lambda some: self._run(some, len(some[0])), rows)


def header_of(model: str, version: int, engine: Engine, privacy: PersonalColumns) -> Header:
    """What a version's log segments begin with."""
    columns = [(column.name, column.kind) for column in engine.signature.columns]
    return Header(model, version, privacy.columns(columns))


def in_one_line(error: SlipwayError) -> str:
    """An error's message with what was expected and found, for a JSON field."""
    return "; ".join(line.strip() for line in str(error).splitlines())


def _float32_overflow(values: Sequence[Sequence[Any]], signature: Signature) -> Mismatch | None:
    """Why a model could not score a row, if a number in it is why: trees compute in float32."""
    for column, numbers in zip(signature.columns, values, strict=True):
        if column.kind != "number":
            continue
        for row, value in enumerate(numbers):
            if value is not None and abs(value) > LARGEST:
                return Mismatch(
                    f"column {quoted_name(column.name)} has a number in row {row} that this model "
                    "cannot take",
                    expected=f"at most {LARGEST:.3g} in size",
                )
    return None
