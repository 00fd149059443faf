"""The arrival bell rings at least once for whatever lands, and survives everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from slipway.errors import StoreUnavailable
from slipway.orchestration.landing_trigger import LONGEST_SILENCE_S, LandingBell, Look, Patience
from slipway.records import arrivals, landing_area
from slipway.records.store import Store


def patience() -> Patience:
    """Patience with a settle time of 2 s that rings again after 30 s."""
    return Patience(settle_seconds=2, again_seconds=30)


def bell(root: object) -> LandingBell:
    """A bell that looks all the time."""
    return LandingBell(
        dataset="flights",
        store_root=str(root),
        poll_seconds=0.001,
        settle_seconds=0,
        again_seconds=1000,
    )


async def next_ring(rings: AsyncIterator[TriggerEvent]) -> Any:
    """What the next event carries."""
    return (await asyncio.wait_for(anext(rings), timeout=60)).payload


def test_a_change_rings_only_after_a_second_equal_look() -> None:
    """A listing seen once may be a file that is still being written."""
    waits = patience()
    look = Look(landed="a", acknowledged=None)
    assert not waits.rings(look, now=0)
    assert not waits.rings(look, now=1), "the settle time is not over"
    assert waits.rings(look, now=2)


def test_growing_files_keep_it_silent() -> None:
    """Each change begins the settle time anew."""
    waits = patience()
    looks = [Look(landed=str(second), acknowledged=None) for second in range(20)]
    assert not any(waits.rings(look, now=second) for second, look in enumerate(looks))


def test_an_empty_landing_area_is_silent() -> None:
    """Nothing has landed, so nothing waits."""
    waits = patience()
    assert not any(waits.rings(Look(None, None), now=second) for second in range(0, 100, 10))


def test_what_was_acknowledged_is_silent() -> None:
    """The consumer, not the bell, says what has been handled."""
    waits = patience()
    assert not any(waits.rings(Look("a", "a"), now=second) for second in range(0, 100, 10))


def test_it_rings_again_ever_more_rarely_while_nobody_answers() -> None:
    """A ring that Airflow lost is repeated; a consumer that is slow is not flooded."""
    waits = patience()
    look = Look(landed="a", acknowledged=None)
    rung = [second for second in range(3000) if waits.rings(look, now=second)]
    pauses = [later - earlier for earlier, later in pairwise(rung)]
    assert rung[0] == 2
    assert pauses[:4] == [30, 60, 120, 240]
    assert set(pauses[4:]) == {LONGEST_SILENCE_S}


def test_something_new_rings_at_once_after_a_long_silence() -> None:
    """The back-off belongs to one state of the landing area."""
    waits = patience()
    for second in range(500):
        waits.rings(Look("a", None), now=second)
    assert not waits.rings(Look("b", None), now=500)
    assert waits.rings(Look("b", None), now=502)


def test_a_changed_file_rings_after_everything_was_acknowledged() -> None:
    """A changed re-delivery differs from what was acknowledged."""
    waits = patience()
    waits.rings(Look("a", "a"), now=0)
    waits.rings(Look("a", "a"), now=5)
    assert not waits.rings(Look("b", "a"), now=10)
    assert waits.rings(Look("b", "a"), now=15)


def test_it_is_rebuilt_in_the_triggerer_from_what_it_serialises() -> None:
    """Airflow finds the class by its path and calls it with the same arguments."""
    path, arguments = bell("root").serialize()
    assert path == f"{LandingBell.__module__}.{LandingBell.__qualname__}"
    assert LandingBell(**arguments).serialize() == (path, arguments)


def test_it_rings_for_a_file_until_that_is_acknowledged(store: Store, tmp_path: Path) -> None:
    """One ring for one state of the landing area, none for a handled one, one for the next."""

    async def scene() -> None:
        store.write("landing/flights/features/2013-01.csv", b"id\n1\n")
        rings = bell(tmp_path / "store").run()
        first = await next_ring(rings)
        landed = landing_area.fingerprint(landing_area.list_deliveries(store, "flights"))
        assert first == {"dataset": "flights", "landing": landed}
        arrivals.acknowledge(store, "flights", landed)
        store.write("landing/flights/features/2013-02.csv", b"id\n2\n")
        assert (await next_ring(rings))["landing"] != landed

    asyncio.run(scene())


def test_a_store_that_does_not_answer_never_ends_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bell that dies rings for nobody, so it looks again."""
    store.write("landing/flights/labels/2013-01.csv", b"id\n1\n")
    ringing = bell(tmp_path / "store")
    look = ringing.look
    troubles = [StoreUnavailable("no answer"), OSError("no route"), ValueError("not JSON")]

    def troubled_look() -> Look:
        if troubles:
            raise troubles.pop()
        return look()

    monkeypatch.setattr(ringing, "look", troubled_look)
    assert asyncio.run(next_ring(ringing.run()))["dataset"] == "flights"
    assert troubles == []
