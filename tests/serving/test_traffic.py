"""Routing of requests while versions start, fail and are rolled back, with fake servers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from slipway.records.desired_state import DesiredState
from slipway.serving.http.upstream import Reply
from slipway.serving.platform.proxy.forwarding import Forwarder
from slipway.serving.platform.proxy.metrics import PlatformMetrics
from slipway.serving.platform.proxy.traffic import Traffic
from tests.fakes.model_servers import FakeServer, proxied_request, state

CHAMPION, CANARY = 1, 2
HALVES = {CHAMPION: 0.5, CANARY: 0.5}
pytestmark = pytest.mark.anyio


class TrafficSetup:
    """Traffic over fake servers, each of them ready, and clients."""

    def __init__(self, first: DesiredState) -> None:
        self.made: list[FakeServer] = []
        self.traffic = Traffic(first, make=self._make)  # type: ignore[arg-type]
        self.metrics = PlatformMetrics({"delay": self.traffic})
        self.forwarding = Forwarder(self.metrics, wait_seconds=0.2)
        self.traffic.advance()
        for server in self.made:
            server.become(ready=True)

    def server(self, version: int) -> FakeServer:
        """The newest server of a version."""
        return next(one for one in reversed(self.made) if one.version == version)

    def desire(self, desired: DesiredState) -> None:
        """Apply another desired state."""
        self.traffic.desired = desired
        self.traffic.advance()

    async def ask(self, key: str = "k", *, version: int | None = None) -> Reply:
        """One request."""
        return await self.forwarding.forward(
            self.traffic, proxied_request(key=key, version=version)
        )

    async def ask_many(self, number: int = 200) -> Counter[int]:
        """Send requests with different keys; answers by version."""
        replies = [await self.ask(f"key-{one}") for one in range(number)]
        assert {reply.status for reply in replies} == {200}
        return Counter(version_of(reply) for reply in replies)

    def tally(self, version: int) -> tuple[int, int]:
        """Requests and failures of a version."""
        counts = self.traffic.status()["tallies"][str(version)]
        return counts["asked"], counts["failed"]

    def metric(self, line: str) -> float:
        """Value of one line of the metrics."""
        lines = self.metrics.exposition().decode().splitlines()
        return float(next(one for one in lines if one.startswith(line)).split()[-1])

    def _make(self, model: str, version: int, digest: str | None, changed: object) -> FakeServer:
        made = FakeServer(model, version, changed, digest=digest)  # type: ignore[arg-type]
        self.made.append(made)
        return self.made[-1]


def version_of(reply: Reply) -> int:
    """Version in a reply."""
    return int(dict(reply.headers)[b"x-slipway-version"])


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


async def test_a_new_state_comes_once_its_versions_are_ready() -> None:
    """The old state serves until then; a request never waits for a starting version."""
    setup = TrafficSetup(state({CHAMPION: 1.0}))
    setup.desire(state({CHAMPION: 0.9, CANARY: 0.1}, generation=2))
    assert setup.traffic.status()["generation"] == 1
    assert await setup.ask_many() == {CHAMPION: 200}
    setup.server(CANARY).become(ready=True)
    setup.traffic.advance()
    assert setup.traffic.is_settled()
    counts = await setup.ask_many()
    assert 5 < counts[CANARY] < 40


async def test_a_tally_begins_with_its_weights() -> None:
    """New weights reset counts; a new warm version does not; late ends count to the old weights."""
    setup = TrafficSetup(state(HALVES))
    await setup.ask_many(50)
    before = setup.tally(CHAMPION)
    assert before[0] + setup.tally(CANARY)[0] == 50
    setup.desire(state(HALVES, keep=(3,), generation=2))
    assert setup.tally(CHAMPION) == before
    for server in setup.made:
        server.release = asyncio.Event()
    asking = asyncio.create_task(setup.ask())
    await asyncio.sleep(0.01)
    setup.desire(state({CHAMPION: 1.0}, keep=(CANARY, 3), generation=3))
    for server in setup.made:
        assert server.release is not None
        server.release.set()
    assert (await asking).status == 200
    assert setup.tally(CHAMPION) == (0, 0)
    assert list(setup.traffic.status()["tallies"]) == ["1"]


async def test_keys_stick_while_a_share_grows() -> None:
    """From 10 to 50 % no key returns to the old version."""
    setup = TrafficSetup(state({CHAMPION: 0.9, CANARY: 0.1}))
    keys = [f"key-{number}" for number in range(300)]

    async def versions() -> dict[str, int]:
        return {key: version_of(await setup.ask(key)) for key in keys}

    small = await versions()
    assert await versions() == small
    setup.desire(state(HALVES, generation=2))
    large = await versions()
    assert {large[key] for key in keys if small[key] == CANARY} == {CANARY}
    assert Counter(large.values())[CANARY] > Counter(small.values())[CANARY]


OLD, NEW = "a" * 64, "b" * 64


async def test_another_version_of_the_same_number_has_its_own_server() -> None:
    """The old bytes answer until the new ones are ready, and not after; counts begin anew."""
    setup = TrafficSetup(state({CHAMPION: 1.0}, digests={CHAMPION: OLD}))
    old = setup.server(CHAMPION)
    setup.desire(state({CHAMPION: 1.0}, digests={CHAMPION: NEW}, generation=2))
    new = setup.server(CHAMPION)
    assert (old.digest, new.digest) == (OLD, NEW)
    assert await setup.ask_many(20) == {CHAMPION: 20}
    assert (len(old.seen), new.seen) == (20, [])
    assert setup.traffic.servers[CHAMPION] is old
    assert list(setup.traffic.status()["starting"]) == ["1"]
    new.become(ready=True)
    setup.traffic.advance()
    assert setup.traffic.is_settled()
    assert setup.tally(CHAMPION) == (0, 0)
    await setup.ask_many(20)
    assert (len(old.seen), len(new.seen)) == (20, 20)
    await setup.traffic.stop()
    assert old.drained


async def test_fewer_versions_of_the_same_numbers_may_still_be_others() -> None:
    """A state that gives a remaining number to other bytes waits until these are ready."""
    digests = {CHAMPION: OLD, CANARY: OLD}
    setup = TrafficSetup(state(HALVES, digests=digests))
    setup.desire(state({CHAMPION: 1.0}, digests={CHAMPION: NEW}, generation=2))
    assert setup.traffic.status()["generation"] == 1
    setup.desire(state({CHAMPION: 1.0}, digests={CHAMPION: OLD}, generation=3))
    assert setup.traffic.status()["generation"] == 3
    assert [one.drained for one in setup.made] == [False, False, False]
    await setup.traffic.stop()
    assert all(one.drained for one in setup.made)


async def test_a_state_of_an_earlier_release_names_no_digest() -> None:
    """It means whatever runs under the number, and a later state with its digest restarts none."""
    setup = TrafficSetup(state({CHAMPION: 1.0}))
    setup.server(CHAMPION).digest = OLD
    setup.desire(state({CHAMPION: 1.0}, digests={CHAMPION: OLD}, generation=2))
    assert setup.traffic.is_settled()
    assert len(setup.made) == 1
