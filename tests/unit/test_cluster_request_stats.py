"""Request counts and latencies, scraped from servers by a rollout."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from slipway.adapters.platforms.cluster.observe.request_stats import RequestStats, resolve_addresses
from slipway.adapters.platforms.cluster.observe.server_metrics import RequestCounts, parse_metrics
from slipway.serving.model_server.metrics import Metrics
from slipway.stages.rollout.platform import VersionStats


def metrics(*answers: tuple[int, float], pinned: int = 0) -> Metrics:
    """A server's metrics after some answers: status and seconds."""
    made = Metrics("m", 3)
    for status, seconds in answers:
        made.count(status, seconds, is_pinned=False)
    for _ in range(pinned):
        made.count(200, 9.0, is_pinned=True)
    return made


def test_clients_requests_are_read_from_the_servers_own_text() -> None:
    """Probes by version, disconnects and time-outs are excluded; a refusal has no latency."""
    made = metrics(
        *[(200, 0.004)] * 99, (200, 0.04), (503, 0.0), (422, 0.0), (499, 0.0), (408, 0.0), pinned=7
    )
    found = parse_metrics(made.exposition().decode())
    assert len(found.instance) == 12
    assert found.resident_mib > 10
    assert found.counts.tally() == VersionStats(asked=102, failed=1, p99_ms=5.0)


@pytest.mark.parametrize(
    ("seconds", "p99_ms"),
    [
        ([], None),
        ([0.0001], 0.5),
        ([0.1], 100.0),
        ([0.1001], 150.0),
        ([0.001] * 98 + [3.5] * 2, 5000.0),
        ([60.0], 60_000.0),
    ],
)
def test_the_p99_is_the_upper_bound_of_its_bucket(
    seconds: list[float], p99_ms: float | None
) -> None:
    """A bound itself is exact; a value beyond the largest counts as a minute."""
    made = metrics(*[(200, one) for one in seconds])
    assert parse_metrics(made.exposition().decode()).counts.p99_ms == p99_ms


def test_counts_survive_their_annotation() -> None:
    """Empty buckets are left out; other content gives empty counts."""
    counts = RequestCounts(5, 1, {0.1: 3, 0.5: 0, float("inf"): 1})
    assert RequestCounts.from_json(counts.to_json()) == RequestCounts(
        5, 1, {0.1: 3, float("inf"): 1}
    )
    assert counts.since(counts).tally() == VersionStats()
    for odd in ({}, {"asked": "x"}, {"asked": 1, "failed": 0, "within": 3}):
        assert RequestCounts.from_json(odd) == RequestCounts()


class Server:
    """A server of `/metrics` that can hang or restart."""

    def __init__(self) -> None:
        self.metrics: Metrics | None = metrics()
        outer = self

        class Asked(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                now = outer.metrics
                self.send_response(200 if now else 503)
                self.end_headers()
                if now:
                    self.wfile.write(now.exposition())

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def ask(self, times: int) -> None:
        """Count requests of clients."""
        assert self.metrics is not None
        for _ in range(times):
            self.metrics.count(200, 0.01, is_pinned=False)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Two servers of version 3."""
    made = [Server(), Server()]
    yield made
    for one in made:
        one.http.shutdown()
        one.http.server_close()


def counting(servers: list[Server], slept: list[float] | None = None) -> RequestStats:
    """The counter of those servers."""
    addresses = [("127.0.0.1", one.http.server_port) for one in servers]
    return RequestStats(
        "m",
        "slipway",
        resolve=lambda host: addresses if host == "m-v3-pods.slipway.svc" else [],
        sleep=(slept if slept is not None else []).append,
    )


def test_counts_before_the_weights_are_subtracted(servers: list[Server]) -> None:
    """Over all servers of a version."""
    for one in servers:
        one.ask(10)
    counts = counting(servers)
    since = counts.baseline({3: 2})
    assert counts.tally(3, since) == VersionStats()
    servers[0].ask(3)
    servers[1].ask(4)
    assert counts.tally(3, since) == VersionStats(asked=7, failed=0, p99_ms=10.0)
    assert counts.tally(4, since) == VersionStats()


def test_unreachable_servers_are_an_error(
    servers: list[Server], caplog: pytest.LogCaptureFixture
) -> None:
    """A failing DNS would look like a canary without requests otherwise."""
    counting(servers).baseline({3: 2, 4: 1})
    [message] = caplog.messages
    assert message.startswith("version 4: only 0 of 1 servers returned their request counts")
    assert "m-v4-pods.slipway.svc has 0 addresses" in message


def test_counts_of_restarted_and_lost_servers_are_kept(servers: list[Server]) -> None:
    """Within one process; another process does not have them."""
    counts = counting(servers)
    since = counts.baseline({3: 2})
    for one in servers:
        one.ask(5)
    assert counts.tally(3, since).asked == 10
    servers[0].metrics = metrics((200, 0.01))
    assert counts.tally(3, since).asked == 11
    servers[1].metrics = None
    assert counts.tally(3, since).asked == 11
    assert counting(servers).tally(3, since).asked == 1


def test_a_baseline_waits_for_every_server(servers: list[Server]) -> None:
    """A few seconds: a missing server would count from its start."""
    servers[1].metrics = None
    slept: list[float] = []
    since = counting(servers, slept).baseline({3: 2})
    assert len(since) == 1
    assert sum(slept) == pytest.approx(5.0)


def test_an_unknown_name_has_no_address() -> None:
    """Outside the cluster nothing is counted and nothing raised."""
    assert resolve_addresses("no-such-name.slipway.svc.invalid") == []
