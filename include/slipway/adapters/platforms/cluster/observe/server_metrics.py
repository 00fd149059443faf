"""Parse a model server's Prometheus metrics: its instance, request counts and memory; pure.

Only the few lines that a rollout needs are read; the stages' image has no Prometheus client.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from slipway.stages.rollout.platform import VersionStats

QUANTILE = 0.99
BEYOND_MS = 60_000.0
"""Used for a latency above the largest bucket."""
INCOMPLETE = frozenset({408, 499})
"""Statuses of requests that did not arrive as a whole."""

_LINE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class RequestCounts:
    """Request counts of one server instance; requests pinned to a version are not counted.

    Attributes:
        asked: Requests that arrived as a whole.
        failed: Those of them answered with a 5xx.
        within: Answers by latency bucket, by the bucket's upper bound in seconds.
    """

    asked: int = 0
    failed: int = 0
    within: Mapping[float, int] = field(default_factory=dict)

    def since(self, before: RequestCounts) -> RequestCounts:
        """The difference to an earlier state of the same counts."""
        within = {
            bound: count - before.within.get(bound, 0) for bound, count in self.within.items()
        }
        return RequestCounts(self.asked - before.asked, self.failed - before.failed, within)

    def plus(self, other: RequestCounts) -> RequestCounts:
        """The sum of both."""
        bounds = {*self.within, *other.within}
        within = {one: self.within.get(one, 0) + other.within.get(one, 0) for one in bounds}
        return RequestCounts(self.asked + other.asked, self.failed + other.failed, within)

    def tally(self) -> VersionStats:
        """The counts as a canary step compares them."""
        return VersionStats(self.asked, self.failed, self.p99_ms)

    @property
    def p99_ms(self) -> float | None:
        """Upper bound of the bucket that holds the 99th percentile, in milliseconds.

        So it is never too low, and at most twice too high, since each bound is about twice the
        one before. A limit that is itself a bound is exact. None without an answer.
        """
        total = sum(self.within.values())
        rank, seen = math.ceil(QUANTILE * total), 0
        for bound in sorted(self.within):
            seen += self.within[bound]
            if total and seen >= rank:
                return BEYOND_MS if math.isinf(bound) else round(bound * 1000, 3)
        return None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON without empty buckets."""
        within = {str(bound): count for bound, count in self.within.items() if count}
        return {"asked": self.asked, "failed": self.failed, "within": within}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RequestCounts:
        """Parse the output of `to_json`; anything else gives empty counts."""
        try:
            within = {float(bound): int(count) for bound, count in value["within"].items()}
            return cls(int(value["asked"]), int(value["failed"]), within)
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls()


@dataclass(frozen=True)
class ServerMetrics:
    """The metrics of one server.

    Attributes:
        instance: Identifies this start of its process.
        counts: Its request counts.
        resident_mib: Resident memory of its process, in MiB.
    """

    instance: str
    counts: RequestCounts
    resident_mib: float


def parse_metrics(text: str) -> ServerMetrics:
    """Parse a Prometheus exposition.

    Args:
        text: Body of a reply of `/metrics`.
    """
    instance, resident = "", 0.0
    counts = RequestCounts()
    for name, labels, value in _samples(text):
        if name == "slipway_server_instance_info":
            instance = labels.get("instance", "")
        elif name == "process_resident_memory_bytes":
            resident = value
        elif labels.get("asked") == "model":
            counts = counts.plus(_counted(name, labels, int(value)))
    by_bound = sorted(counts.within.items())
    # Buckets are cumulative.
    below = [0, *(count for _, count in by_bound)]
    within = {bound: count - below[at] for at, (bound, count) in enumerate(by_bound)}
    return ServerMetrics(
        instance, RequestCounts(counts.asked, counts.failed, within), resident / 2**20
    )


def _counted(name: str, labels: Mapping[str, str], value: int) -> RequestCounts:
    status = int(labels.get("status", "0"))
    if name == "slipway_requests_total" and status not in INCOMPLETE:
        return RequestCounts(value, value if status >= HTTPStatus.INTERNAL_SERVER_ERROR else 0)
    # Latency of refused requests (4xx) is not the model's.
    if name == "slipway_request_seconds_bucket" and status < HTTPStatus.BAD_REQUEST:
        return RequestCounts(within={float(labels["le"]): value})
    return RequestCounts()


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in _LINE.finditer(text):
        yield line["name"], dict(_LABEL.findall(line["labels"] or "")), float(line["value"])
