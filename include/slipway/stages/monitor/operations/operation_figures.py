"""Compute the figures of operations and security of a window from the servers' history; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from http import HTTPStatus

from slipway.records.verdicts import Number
from slipway.stages.ports.metric_history import ServingHistory, Step

INCOMPLETE = frozenset({408, 499})
"""Statuses of requests that did not arrive as a whole."""

FEWEST = 100
"""Requests, or rows, of which a share tells something."""

QUANTILE = 0.99
BEYOND_MS = 60_000.0
"""Told of a latency above the largest bucket."""

LEAST_USUAL = 1.0
"""Requests of a usual minute at least, so that two requests at night are no burst."""

_MINUTE_S = 60


@dataclass(frozen=True)
class Figures:
    """What a version's servers did in a window; None: not known, or of too few requests.

    Attributes:
        coverage: Share of the window that was looked at.
        availability: Share of the time since it was first seen that the version was ready.
        requests: Infer requests that arrived as a whole.
        requests_per_minute: Those a minute that the version was seen.
        error_rate: Share of them answered with a 5xx.
        malformed_rate: Share of them answered with a 4xx.
        refused_rate: Share of all requests that had no valid token.
        p99_ms: Upper bound of the bucket that holds the 99th percentile of latency.
        restarts: Restarts of the server.
        unshipped_seconds: Greatest age of predictions that were not in the store.
        out_of_range_rate: Share of rows with values that training never saw, of the worst column.
        burst: How many times the requests of a usual minute the largest one had.
        column: Column of `out_of_range_rate`.
        client: Client of `burst`; empty: all together.
    """

    coverage: float = 0.0
    availability: float | None = None
    requests: int = 0
    requests_per_minute: float | None = None
    error_rate: float | None = None
    malformed_rate: float | None = None
    refused_rate: float | None = None
    p99_ms: float | None = None
    restarts: int | None = None
    unshipped_seconds: float | None = None
    out_of_range_rate: float | None = None
    burst: float | None = None
    column: str = ""
    client: str = ""

    def numbers(self) -> dict[str, Number]:
        """Return the figures as numbers of a verdict."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        texts = ("column", "client")
        rounded = {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in values.items()
            if name not in texts or value
        }
        return dict(rounded)


@dataclass(frozen=True)
class _Counts:
    """Requests by kind of their answer."""

    whole: float = 0.0
    failed: float = 0.0
    malformed: float = 0.0

    @classmethod
    def of(cls, requests: Mapping[int, float]) -> _Counts:
        whole = {status: n for status, n in requests.items() if status not in INCOMPLETE}
        failed = [n for status, n in whole.items() if status >= HTTPStatus.INTERNAL_SERVER_ERROR]
        turned_away = [
            n
            for status, n in whole.items()
            if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        ]
        return cls(math.fsum(whole.values()), math.fsum(failed), math.fsum(turned_away))


def compute_figures(history: ServingHistory) -> Figures:
    """Compute the figures of a window.

    Args:
        history: What its servers did.
    """
    steps, counts = history.steps, _Counts.of(history.requests)
    minutes = sum(one.ready is not None for one in steps) * history.step_seconds / _MINUTE_S
    refused = math.fsum(history.refused.values())
    column = max(history.out_of_range, key=history.out_of_range.__getitem__, default="")
    odd_rows = history.out_of_range.get(column, 0.0)
    bursts = {
        client: one.largest / max(one.usual, LEAST_USUAL) for client, one in history.busiest.items()
    }
    client = max(bursts, key=bursts.__getitem__, default="")
    return Figures(
        coverage=sum(one.is_scraped for one in steps) / max(1, len(steps)),
        availability=_availability(list(steps)),
        requests=round(counts.whole),
        requests_per_minute=counts.whole / minutes if minutes else None,
        error_rate=_share(counts.failed, counts.whole),
        malformed_rate=_share(counts.malformed, counts.whole),
        refused_rate=_share(refused, refused + counts.whole),
        p99_ms=_p99_ms(history.within),
        restarts=None if history.restarts is None else round(history.restarts),
        unshipped_seconds=history.unshipped_seconds,
        out_of_range_rate=_share(odd_rows, history.rows),
        burst=bursts.get(client) if counts.whole >= FEWEST else None,
        column=column if odd_rows else "",
        client=client,
    )


def _share(part: float, whole: float) -> float | None:
    return min(1.0, part / whole) if round(whole) >= FEWEST else None


def _availability(steps: list[Step]) -> float | None:
    """Mean readiness since the version was first seen.

    Where nothing was seen of it while the installation was looked at, it was away; where another
    version was seen, it had no traffic to answer.
    """
    first = next((at for at, one in enumerate(steps) if one.ready is not None), len(steps))
    counted = [
        one.ready or 0.0
        for one in steps[first:]
        if one.ready is not None or (one.is_scraped and not one.is_model_seen)
    ]
    return math.fsum(counted) / len(counted) if counted else None


def _p99_ms(within: Mapping[float, float]) -> float | None:
    """Upper bound of the bucket of the 99th percentile: never too low, exact for a bound."""
    bounds = sorted(within)
    total = within[bounds[-1]] if bounds else 0.0
    if round(total) < FEWEST:
        return None
    bound = next(one for one in bounds if within[one] >= QUANTILE * total)
    return BEYOND_MS if math.isinf(bound) else round(bound * 1000, 3)
