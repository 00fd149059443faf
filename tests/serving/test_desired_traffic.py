"""Traffic that follows new desired states: shares, keys and versions of another digest."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.fakes.model_servers import state
from tests.serving.traffic_setup import CANARY, CHAMPION, HALVES, TrafficSetup, version_of

OLD, NEW = "a" * 64, "b" * 64
pytestmark = pytest.mark.anyio


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
