"""Read the history of a version's servers from Prometheus."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from slipway.adapters.prometheus.api import PrometheusApi, Series
from slipway.adapters.prometheus.queries import Queries
from slipway.stages.ports.metric_history import ALL_CLIENTS, Busiest, ServingHistory, Step

STEPS_S = (300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""Lengths of a step; each divides a day."""
MOST_POINTS = 10_000
"""Prometheus answers with at most 11,000 points of a series."""
COARSE_POINTS = 48
"""Points of series that are many, such as buckets and columns."""
MINUTE_S = 60


def open_history(
    url: str, *, token: str | None = None, ca: Path | None = None, matchers: str = ""
) -> PrometheusHistory:
    """Return the history that a Prometheus has.

    Args:
        url: Its address.
        token: Bearer token.
        ca: PEM file with an authority that is trusted beside the system's.
        matchers: Further label matchers of every query, such as `namespace="prod"`.
    """
    return PrometheusHistory(partial(PrometheusApi, url, token=token, ca=ca), matchers=matchers)


class PrometheusHistory:
    """Adapter of `MetricHistory`.

    Args:
        connect: Opens the server's API; called by each reading.
        matchers: Further label matchers of every query, such as `namespace="prod"`.
    """

    def __init__(self, connect: Callable[[], PrometheusApi], *, matchers: str = "") -> None:
        self._connect = connect
        self._matchers = matchers

    def read(self, model: str, *, version: int, start: datetime, end: datetime) -> ServingHistory:
        """Return what the servers of a version did in [start, end), wall time.

        Raises:
            MetricsUnavailable: Prometheus does not answer, or only in part.
            BadParameter: Its address cannot be used, or it rejects the request, such as its token.
            NotComputable: The span is too much for it.
        """
        queries = Queries(model, version, self._matchers)
        grid = _Grid.over(start, end)
        span = _Span(self._connect(), queries, grid)
        answered = span.totals(queries.requests, "status")
        refused = _added(
            span.totals(one, "reason") for one in (queries.refused, queries.refused_by_platform)
        )
        return ServingHistory(
            steps=_steps(span, version),
            step_seconds=grid.step,
            requests={int(status): count for status, count in answered.items() if status},
            within={float(le): n for le, n in span.totals(queries.latency, "le", few=True).items()},
            refused=refused,
            restarts=span.at_end(queries.restarts),
            unshipped_seconds=max(span.values(queries.unshipped), default=None),
            rows=math.fsum(span.values(queries.rows)),
            out_of_range=span.totals(queries.out_of_range, "column", few=True),
            busiest=_busiest(span),
        )


@dataclass(frozen=True)
class _Grid:
    """Ends of the steps of a span, in Unix time."""

    start: float
    step: int
    count: int

    @classmethod
    def over(cls, start: datetime, end: datetime) -> _Grid:
        seconds = (end - start).total_seconds()
        step = next((one for one in STEPS_S if seconds / one <= MOST_POINTS), STEPS_S[-1])
        return cls(start.timestamp(), step, max(1, int(seconds // step)))

    def coarse(self) -> _Grid:
        """The same span in few steps."""
        parts = range(max(1, self.count // COARSE_POINTS), self.count + 1)
        each = next(one for one in parts if self.count % one == 0)
        return _Grid(self.start, self.step * each, self.count // each)

    @property
    def ends(self) -> list[float]:
        return [self.start + self.step * (number + 1) for number in range(self.count)]


class _Span:
    """Answers about one version over one grid."""

    def __init__(self, api: PrometheusApi, queries: Queries, grid: _Grid) -> None:
        self._api, self.queries, self.grid = api, queries, grid

    def series(self, query: Callable[[int], str], *, few: bool = False) -> list[Series]:
        """Series of an expression of the length of a step."""
        grid = self.grid.coarse() if few else self.grid
        expression, ends = query(grid.step), grid.ends
        return self._api.over(expression, start=ends[0], end=ends[-1], step=grid.step)

    def totals(
        self, query: Callable[[int], str], label: str, *, few: bool = False
    ) -> dict[str, float]:
        """Totals by a label."""
        found = self.series(query, few=few)
        return {one.labels.get(label, ""): one.total for one in found if one.values}

    def values(self, query: Callable[[int], str]) -> list[float]:
        """Values of an expression without labels."""
        return [value for one in self.series(query) for value in one.values.values()]

    def at_end(self, query: Callable[[int], str]) -> float | None:
        """Value over the whole span; None without one."""
        whole = self.grid.step * self.grid.count
        found = self._api.at(query(whole), self.grid.start + whole)
        return next((value for one in found for value in one.values.values()), None)


def _steps(span: _Span, version: int) -> list[Step]:
    """The platform's view of readiness counts where it has one: it sees a server that is gone."""
    queries = span.queries
    scraped = {moment for one in span.series(queries.scraped) for moment in one.values}
    own, found = span.series(queries.ready), span.series(queries.found_ready)
    by_itself, by_platform = _of_version(own, version), _of_version(found, version)
    seen = {moment for one in (*own, *found) for moment in one.values}
    return [
        Step(
            is_scraped=end in scraped or end in seen,
            is_model_seen=end in seen,
            ready=by_platform.get(end, by_itself.get(end)),
        )
        for end in span.grid.ends
    ]


def _of_version(series: Iterable[Series], version: int) -> Mapping[float, float]:
    of_it = (one.values for one in series if one.labels.get("version") == str(version))
    return next(of_it, {})


def _busiest(span: _Span) -> dict[str, Busiest]:
    """Requests a minute, in minutes of two scrapes at least."""
    queries, step = span.queries, span.grid.step
    samples = max(span.values(queries.samples), default=0.0)
    if not samples:
        return {}
    minute = max(MINUTE_S, MINUTE_S * math.ceil(2 * step / samples / MINUTE_S))
    found = {}
    for totals, most in (
        (span.series(queries.requests), queries.busiest),
        (span.series(queries.clients), queries.busiest_clients),
    ):
        usual = _usual(totals, step)
        for one in span.series(partial(most, minute=minute)):
            client = one.labels.get("client", ALL_CLIENTS)
            if one.values and client in usual:
                found[client] = Busiest(MINUTE_S * max(one.values.values()), usual[client])
    return found


def _usual(series: Sequence[Series], step: int) -> dict[str, float]:
    """Median of the requests a minute by client, of steps that have some."""
    by_client: dict[str, dict[float, float]] = {}
    for one in series:
        counts = by_client.setdefault(one.labels.get("client", ALL_CLIENTS), {})
        for moment, count in one.values.items():
            counts[moment] = counts.get(moment, 0.0) + count
    busy = {
        client: [one for one in counts.values() if one > 0] for client, counts in by_client.items()
    }
    return {
        client: statistics.median(some) * MINUTE_S / step for client, some in busy.items() if some
    }


def _added(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    added: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            added[name] = added.get(name, 0.0) + value
    return added
