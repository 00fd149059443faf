"""The landing trigger: at least one event for every delivery, also after errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from slipway.errors import StoreUnavailable
from slipway.orchestration.landing_trigger import (
    LONGEST_PAUSE_S,
    Debounce,
    LandingState,
    LandingTrigger,
)
from slipway.records import arrivals, landing_area
from slipway.records.store import Store


def debounce() -> Debounce:
    """A debounce with a settle time of 2 s that repeats an event after 30 s."""
    return Debounce(settle_seconds=2, again_seconds=30)


def trigger(root: object) -> LandingTrigger:
    """A trigger that polls all the time."""
    return LandingTrigger(
        dataset="flights",
        store_root=str(root),
        poll_seconds=0.001,
        settle_seconds=0,
        again_seconds=1000,
    )


async def next_event(events: AsyncIterator[TriggerEvent]) -> Any:
    """Payload of the next event."""
    return (await asyncio.wait_for(anext(events), timeout=60)).payload


def test_a_change_is_an_event_only_after_a_second_equal_poll() -> None:
    """A listing seen once may include a file that is still being written."""
    events = debounce()
    state = LandingState(landed="a", acknowledged=None)
    assert not events.is_due(state, now=0)
    assert not events.is_due(state, now=1), "the settle time is not over"
    assert events.is_due(state, now=2)


def test_growing_files_cause_no_event() -> None:
    """Each change restarts the settle time."""
    events = debounce()
    states = [LandingState(landed=str(second), acknowledged=None) for second in range(20)]
    assert not any(events.is_due(state, now=second) for second, state in enumerate(states))


def test_an_empty_landing_area_causes_no_event() -> None:
    """Without a delivery there is no event."""
    events, empty = debounce(), LandingState(None, None)
    assert not any(events.is_due(empty, now=second) for second in range(0, 100, 10))


def test_acknowledged_deliveries_cause_no_event() -> None:
    """The ingest run, and not the trigger, acknowledges what is handled."""
    events, handled = debounce(), LandingState("a", "a")
    assert not any(events.is_due(handled, now=second) for second in range(0, 100, 10))


def test_an_unacknowledged_event_is_repeated_ever_more_rarely() -> None:
    """An event that Airflow lost is repeated; a slow ingest run gets few repeats."""
    events = debounce()
    state = LandingState(landed="a", acknowledged=None)
    emitted = [second for second in range(3000) if events.is_due(state, now=second)]
    pauses = [later - earlier for earlier, later in pairwise(emitted)]
    assert emitted[0] == 2
    assert pauses[:4] == [30, 60, 120, 240]
    assert set(pauses[4:]) == {LONGEST_PAUSE_S}


def test_a_new_delivery_is_an_event_at_once_after_a_long_pause() -> None:
    """The back-off applies to one state of the landing area."""
    events = debounce()
    for second in range(500):
        events.is_due(LandingState("a", None), now=second)
    assert not events.is_due(LandingState("b", None), now=500)
    assert events.is_due(LandingState("b", None), now=502)


def test_a_changed_file_is_an_event_after_everything_was_acknowledged() -> None:
    """A changed re-delivery differs from the acknowledged state."""
    events = debounce()
    events.is_due(LandingState("a", "a"), now=0)
    events.is_due(LandingState("a", "a"), now=5)
    assert not events.is_due(LandingState("b", "a"), now=10)
    assert events.is_due(LandingState("b", "a"), now=15)


def test_it_is_rebuilt_in_the_triggerer_from_what_it_serialises() -> None:
    """Airflow finds the class by its path and calls it with the same arguments."""
    path, arguments = trigger("root").serialize()
    assert path == f"{LandingTrigger.__module__}.{LandingTrigger.__qualname__}"
    assert LandingTrigger(**arguments).serialize() == (path, arguments)


def test_it_emits_for_a_file_until_that_is_acknowledged(store: Store, tmp_path: Path) -> None:
    """One event for one state of the landing area, none for a handled one, one for the next."""

    async def scene() -> None:
        store.write("landing/flights/features/2013-01.csv", b"id\n1\n")
        events = trigger(tmp_path / "store").run()
        first = await next_event(events)
        landed = landing_area.fingerprint(landing_area.list_deliveries(store, "flights"))
        assert first == {"dataset": "flights", "landing": landed}
        arrivals.acknowledge(store, "flights", landed)
        store.write("landing/flights/features/2013-02.csv", b"id\n2\n")
        assert (await next_event(events))["landing"] != landed

    asyncio.run(scene())


def test_a_store_that_does_not_answer_never_ends_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trigger that ends emits no more events, so it polls again."""
    store.write("landing/flights/labels/2013-01.csv", b"id\n1\n")
    polling = trigger(tmp_path / "store")
    read_state = polling.read_state
    problems = [StoreUnavailable("no answer"), OSError("no route"), ValueError("not JSON")]

    def failing() -> LandingState:
        if problems:
            raise problems.pop()
        return read_state()

    monkeypatch.setattr(polling, "read_state", failing)
    assert asyncio.run(next_event(polling.run()))["dataset"] == "flights"
    assert problems == []
