"""What a model server's metrics say to a rollout: which start of it, what it answered, its memory.

Only the few lines that are needed are read; the stages' image holds no client of Prometheus.
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
"""Stands for a latency above the largest bucket."""
NEVER_ARRIVED = frozenset({408, 499})

_LINE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Counts:
    """What one start of a server was asked by clients, who ask for the model and not a version.

    Attributes:
        asked: Requests that arrived as a whole.
        failed: Those of them answered with a 5xx.
        within: Answers by the bucket that they fell into, by its upper bound in seconds.
    """

    asked: int = 0
    failed: int = 0
    within: Mapping[float, int] = field(default_factory=dict)

    def since(self, before: Counts) -> Counts:
        """What came after an earlier state of the same counts."""
        within = {
            bound: count - before.within.get(bound, 0) for bound, count in self.within.items()
        }
        return Counts(self.asked - before.asked, self.failed - before.failed, within)

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        bounds = {*self.within, *other.within}
        within = {one: self.within.get(one, 0) + other.within.get(one, 0) for one in bounds}
        return Counts(self.asked + other.asked, self.failed + other.failed, within)

    def tally(self) -> VersionStats:
        """The same as a step looks at it."""
        return VersionStats(self.asked, self.failed, self.p99_ms)

    @property
    def p99_ms(self) -> float | None:
        """Upper bound of the bucket that holds the 99th percentile, in milliseconds.

        So it is never too low, and at most twice too high: so far apart the bounds are. A limit
        that is itself such a bound is kept to exactly. None without an answer.
        """
        total = sum(self.within.values())
        rank, seen = math.ceil(QUANTILE * total), 0
        for bound in sorted(self.within):
            seen += self.within[bound]
            if total and seen >= rank:
                return BEYOND_MS if math.isinf(bound) else round(bound * 1000, 3)
        return None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, which leaves out what is nothing."""
        within = {str(bound): count for bound, count in self.within.items() if count}
        return {"asked": self.asked, "failed": self.failed, "within": within}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Counts:
        """From what `to_json` made; whatever else is found counts as nothing."""
        try:
            within = {float(bound): int(count) for bound, count in value["within"].items()}
            return cls(int(value["asked"]), int(value["failed"]), within)
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls()


@dataclass(frozen=True)
class Figures:
    """What one server says of itself.

    Attributes:
        instance: Names this start of it.
        counts: What it was asked.
        resident_mib: Memory that its process holds, in MiB.
    """

    instance: str
    counts: Counts
    resident_mib: float


def read(text: str) -> Figures:
    """What an exposition says.

    Args:
        text: As `/metrics` returns it.
    """
    instance, resident = "", 0.0
    counts = Counts()
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
    return Figures(instance, Counts(counts.asked, counts.failed, within), resident / 2**20)


def _counted(name: str, labels: Mapping[str, str], value: int) -> Counts:
    status = int(labels.get("status", "0"))
    if name == "slipway_requests_total" and status not in NEVER_ARRIVED:
        return Counts(value, value if status >= HTTPStatus.INTERNAL_SERVER_ERROR else 0)
    # The refusal of a client's mistake says nothing of how fast the model is.
    if name == "slipway_request_seconds_bucket" and status < HTTPStatus.BAD_REQUEST:
        return Counts(within={float(labels["le"]): value})
    return Counts()


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in _LINE.finditer(text):
        yield line["name"], dict(_LABEL.findall(line["labels"] or "")), float(line["value"])
