"""What passes between the endpoint of infer requests and the model that answers them.

Runs in model servers. What is made for each request is a struct of msgspec, which costs a fifth of
a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from slipway.errors import SlipwayError, Transient
from slipway.serving.prediction_log.write_ahead_log import Record
from slipway.serving.v2.protocol import Encoded, Inputs


class NotLogged(Transient):
    """A response could not be written to the prediction log; a retry can help."""


class ModelFailed(SlipwayError):
    """The model failed on inputs that match its signature."""


class ExplanationLate(Transient):
    """An explanation took longer than its deadline; fewer rows can help."""


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


class PredictRequest(msgspec.Struct, frozen=True):
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


class Explainable(msgspec.Struct, frozen=True):
    """A scored request whose answer waits for its explanation.

    Attributes:
        request: The request.
        inputs: Its rows.
        scores: Their scores.
    """

    request: PredictRequest
    inputs: Inputs
    scores: list[Any]


Answer = Encoded | SlipwayError
Outcome = Answer | Explainable

Later = Callable[[Callable[[], None]], None]
"""Takes work that an answer does not need."""


def at_once(work: Callable[[], None]) -> None:
    """Do the work now, as where no client waits for this thread."""
    work()
