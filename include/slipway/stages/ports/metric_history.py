"""Metric history port: what was measured of a version's servers in a span of wall time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

ALL_CLIENTS = ""


@dataclass(frozen=True)
class Step:
    """A few minutes of a span.

    Attributes:
        is_scraped: Whether anything of the installation was looked at.
        is_model_seen: Whether any version of the model was scraped.
        ready: Share of the step that the version was ready; None: nothing was seen of it.
    """

    is_scraped: bool = False
    is_model_seen: bool = False
    ready: float | None = None


@dataclass(frozen=True)
class Busiest:
    """Requests a minute: the most, and the usual."""

    largest: float
    usual: float


@dataclass(frozen=True)
class ServingHistory:
    """What the servers of a version did in a span; requests pinned to it are not counted.

    Attributes:
        steps: Equal parts of the span, in order.
        step_seconds: Length of one.
        requests: Infer requests that the version answered, by status.
        within: Successful answers by the upper bound of their latency's bucket in seconds,
            cumulative.
        refused: Requests without a valid token, by reason.
        restarts: Restarts of servers; None: not known.
        unshipped_seconds: Greatest age of predictions that were not in the store; None: not known.
        rows: Rows that were scored.
        out_of_range: Values that training never saw, by column.
        busiest: Requests a minute by client; `ALL_CLIENTS`: of all.
    """

    steps: Sequence[Step]
    step_seconds: int
    requests: Mapping[int, float] = field(default_factory=dict)
    within: Mapping[float, float] = field(default_factory=dict)
    refused: Mapping[str, float] = field(default_factory=dict)
    restarts: float | None = None
    unshipped_seconds: float | None = None
    rows: float = 0.0
    out_of_range: Mapping[str, float] = field(default_factory=dict)
    busiest: Mapping[str, Busiest] = field(default_factory=dict)


class MetricHistory(Protocol):
    """Metrics of the past."""

    def read(self, model: str, *, version: int, start: datetime, end: datetime) -> ServingHistory:
        """Return what the servers of a version did in [start, end).

        Raises:
            MetricsUnavailable: It does not answer, or only in part.
            BadParameter: It rejects the request, such as its token, or its address is none.
            NotComputable: The span is too much for it.
        """
