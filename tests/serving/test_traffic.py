"""Routing of requests while versions start, fail and are rolled back, with fake servers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from slipway.serving.platform.proxy.forwarding import Forwarder
from tests.fakes.model_servers import proxied_request, state
from tests.serving.traffic_setup import CANARY, CHAMPION, HALVES, TrafficSetup, version_of

pytestmark = pytest.mark.anyio


async def test_a_dead_canary_counts_as_failed_and_costs_no_request() -> None:
    """Its share goes to the champion, and counts as the canary's failures."""
    setup = TrafficSetup(state(HALVES))
    setup.server(CANARY).become(ready=False)
    assert await setup.ask_many() == {CHAMPION: 200}
    asked_of, failed = setup.tally(CANARY)
    assert asked_of == failed > 60
    assert setup.tally(CHAMPION) == (200 - failed, 0)
    assert setup.traffic.status()["tallies"]["1"]["p99_ms"] == pytest.approx(5, rel=0.02)
    assert setup.traffic.status()["tallies"]["2"]["p99_ms"] is None


@pytest.mark.parametrize("status_code", [None, 500, 503])
async def test_a_failed_request_goes_to_another_server(status_code: int | None) -> None:
    """A refused connection or a 5xx is retried elsewhere; the client gets an answer."""
    setup = TrafficSetup(state(HALVES))
    setup.server(CANARY).status_code = status_code
    assert await setup.ask_many() == {CHAMPION: 200}
    asked_of, failed = setup.tally(CANARY)
    assert asked_of == failed > 60
    assert setup.metric('slipway_platform_requests_total{model="delay",outcome="failed"') > 0
    answered = 'slipway_platform_requests_total{model="delay",outcome="answered",version="1"}'
    assert setup.metric(answered) == 200


async def test_a_timed_out_request_is_not_repeated() -> None:
    """A request without an answer in time is not sent to another version."""
    setup = TrafficSetup(state({CANARY: 1.0}, keep=(CHAMPION,)))
    setup.server(CANARY).hangs = True
    reply = await setup.ask()
    assert (reply.status, version_of(reply)) == (504, CANARY)
    assert setup.server(CHAMPION).seen == []
    assert setup.tally(CANARY) == (1, 1)


async def test_a_request_that_ends_its_server_reaches_no_other() -> None:
    """Its body may be what ended it; the client gets 502, and the version a failure."""
    setup = TrafficSetup(state({CANARY: 1.0}, keep=(CHAMPION,)))
    setup.server(CANARY).breaks_off = True
    reply = await setup.ask()
    assert (reply.status, version_of(reply)) == (502, CANARY)
    assert (len(setup.server(CANARY).seen), setup.server(CHAMPION).seen) == (1, [])
    assert setup.tally(CANARY) == (1, 1)
    assert version_of(await setup.ask()) == CHAMPION


async def test_a_failing_version_does_not_double_the_load() -> None:
    """Of many failed requests at once a fifth is repeated, and a hundred beside."""
    setup = TrafficSetup(state({CANARY: 1.0}, keep=(CHAMPION,)))
    setup.server(CANARY).status_code = 500
    statuses = Counter([(await setup.ask()).status for _ in range(1000)])
    repeated = len(setup.server(CHAMPION).seen)
    assert statuses == {200: repeated, 500: 1000 - repeated}
    assert 290 <= repeated < 400


async def test_a_clients_mistake_is_no_failure() -> None:
    """A 4xx counts as answered, with its version, and has no latency."""
    setup = TrafficSetup(state({CHAMPION: 1.0}, keep=(CANARY,)))
    setup.server(CHAMPION).status_code = 422
    reply = await setup.ask()
    assert (reply.status, version_of(reply)) == (422, CHAMPION)
    assert setup.tally(CHAMPION) == (1, 0)
    assert setup.traffic.status()["tallies"]["1"]["p99_ms"] is None


async def test_when_all_fail_the_client_gets_the_last_refusal() -> None:
    """Unchanged, and at once."""
    setup = TrafficSetup(state(HALVES))
    for server in setup.made:
        server.status_code = 503
    reply = await setup.ask()
    assert reply.status == 503
    assert version_of(reply) in HALVES


async def test_a_pinned_version_answers_alone_and_is_not_tallied() -> None:
    """A version in the path has no failover."""
    setup = TrafficSetup(state(HALVES))
    reply = await setup.ask(version=CANARY)
    assert version_of(reply) == CANARY
    assert (setup.tally(CHAMPION), setup.tally(CANARY)) == ((0, 0), (0, 0))
    setup.server(CANARY).become(ready=False)
    assert (await setup.ask(version=CANARY)).status == 503
    assert (await setup.ask(version=9)).status == 404


async def test_only_inference_is_tallied() -> None:
    """Metadata is routed by weight, and not counted."""
    setup = TrafficSetup(state({CHAMPION: 1.0}))
    await setup.forwarding.forward(setup.traffic, proxied_request(is_inference=False))
    assert setup.tally(CHAMPION) == (0, 0)


async def test_an_abort_holds_for_the_next_request() -> None:
    """A canary of weight 0 answers nothing more, even while the champion is down."""
    setup = TrafficSetup(state(HALVES))
    setup.server(CHAMPION).become(ready=False)
    setup.desire(state({CHAMPION: 1.0}, generation=2))
    assert setup.traffic.status()["weights"] == {"1": 1.0}
    assert not setup.traffic.is_settled()
    assert (await setup.ask()).status == 503
    assert setup.server(CANARY).seen == []
    assert setup.server(CANARY).drained or CANARY not in setup.traffic.servers


async def test_an_abort_holds_for_a_request_under_way() -> None:
    """A waiting request does not go to a version that was rolled back meanwhile."""
    setup = TrafficSetup(state(HALVES, keep=()))
    setup.forwarding = Forwarder(setup.metrics, wait_seconds=30)
    champion, canary = setup.server(CHAMPION), setup.server(CANARY)
    champion.release, champion.status_code = asyncio.Event(), None
    canary.become(ready=False)
    asking = asyncio.create_task(setup.ask())
    await asyncio.sleep(0.01)
    setup.desire(state({CHAMPION: 1.0}, keep=(CANARY,), generation=2))
    setup.desire(state({CHAMPION: 1.0}, generation=3))
    canary.become(ready=True)
    champion.release.set()
    await asyncio.sleep(0.05)
    assert not asking.done()
    champion.status_code = 200
    champion.become(ready=True)
    assert version_of(await asking) == CHAMPION
    assert canary.seen == []


async def test_no_weighted_version_fails_at_once() -> None:
    """Without a weighted version there is no wait, with or without warm versions."""
    setup = TrafficSetup(state({CHAMPION: 1.0}))
    setup.forwarding = Forwarder(setup.metrics, wait_seconds=60)
    setup.desire(state({}, keep=(CHAMPION,), generation=2))
    async with asyncio.timeout(1):
        reply = await setup.ask()
    assert reply.status == 503
    assert "no version of delay has a share" in json.loads(reply.body)["error"]
    assert not setup.traffic.is_ready()


async def test_a_request_waits_for_the_only_server() -> None:
    """It is answered once the server is back, and counts as a failure of its version."""
    setup = TrafficSetup(state({CHAMPION: 1.0}))
    setup.forwarding = Forwarder(setup.metrics, wait_seconds=30)
    setup.server(CHAMPION).become(ready=False)
    asking = asyncio.create_task(setup.ask())
    await asyncio.sleep(0.01)
    setup.server(CHAMPION).become(ready=True)
    assert (await asking).status == 200
    assert setup.tally(CHAMPION) == (1, 1)
