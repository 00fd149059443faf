"""A rollout that waits for another one is told by `slipway status` and `slipway why`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slipway.errors import LeaseHeld, StoreUnavailable
from slipway.records.leases import find_lease
from slipway.records.store import Store
from slipway.records.waiting_wishes import VALID_SECONDS, WaitingWish, keep_wish, waiting_wishes
from slipway.stages.report.status import status
from slipway.stages.report.waiting import describe_waiting
from slipway.stages.report.why import why
from tests.fakes.kill_points import KillableStore, Killed
from tests.fakes.memory_store import MemoryStore
from tests.support.rollout_env import MODEL, RolloutEnv

ASKED = datetime(2026, 5, 1, 12, 0, 5, tzinfo=UTC)
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


class Interrupted(BaseException):
    """Stands for Ctrl-C."""


class FrailStore(MemoryStore):
    """A store in which no wish can be noted."""

    def write(self, key: str, data: bytes) -> None:
        """Replace one object; raises for wishes."""
        if key.startswith(f"open/{MODEL}/wish-"):
            raise StoreUnavailable("the store is away")
        super().write(key, data)


@pytest.fixture
def env() -> RolloutEnv:
    """A rollout that has switched to version 3, and whose promotion has not begun."""
    return switched(MemoryStore())


def switched(store: MemoryStore) -> RolloutEnv:
    """A model whose rollout has switched and holds the lease."""
    made = RolloutEnv(store=store, origin={"by": "ann", "dag_id": "delay__deploy"})
    run = made.until_switch()
    made.switch(run)
    return made


def told(env: RolloutEnv) -> list[str]:
    """What `why` says about waits; `status` says the same."""
    ports: dict[str, Any] = {
        "store": env.store,
        "registry": env.registry,
        "platform": env.platform,
    }
    lines = why(MODEL, **ports)
    found = [line.removeprefix("Waits: ") for line in lines if line.startswith("Waits: ")]
    assert list(status(MODEL, **ports).waiting) == found
    return found


def looking(env: RolloutEnv, then: Callable[[], Any]) -> list[list[str]]:
    """Note at each look at the lease what is told, and do something after the first."""
    seen: list[list[str]] = []

    def look(seconds: float) -> None:
        seen.append(told(env))
        env.now += seconds
        if len(seen) == 1:
            then()

    env.sleep = look  # type: ignore[method-assign]
    return seen


def raise_(error: BaseException) -> Callable[[], Any]:
    """A function that raises an error."""

    def fail() -> None:
        raise error

    return fail


def test_a_rollback_that_waits_is_told_with_asker_run_stage_and_end(env: RolloutEnv) -> None:
    """Since when, who asked, for which run, how far that is, and until when at most."""
    seen = looking(env, lambda: env.promote("rollout-000001"))
    record = env.reconcile("previous", holder="ann/shell-1", asked_at=ASKED)
    assert record.verdict.action == "roll_back"
    [[sentence]] = seen
    assert re.fullmatch(
        rf"a rollback, asked for by ann \(ann/shell-1\) at 2026-05-01 12:00:05 UTC, waits since "
        rf"{TIME} for rollout-000001 of run-1, which has finished switch\. The lease of that one "
        rf"lasts until {TIME}, and longer if it is renewed; what waits gives up at {TIME} at the "
        rf"latest, and was heard of last at {TIME}\.",
        sentence,
    )


def test_nothing_is_told_once_the_wish_has_ended(env: RolloutEnv) -> None:
    """It has the lease now, and its rollout is told as any other."""
    looking(env, lambda: env.promote("rollout-000001"))
    env.reconcile("previous", holder="ann/shell-1", asked_at=ASKED)
    assert told(env) == []
    assert not [one for one in env.store.list(f"open/{MODEL}") if "wish" in one.key]


def test_nothing_is_told_after_a_wish_gave_up_or_was_interrupted(env: RolloutEnv) -> None:
    """Also when it is interrupted at its first look."""
    seen = looking(env, lambda: None)
    with pytest.raises(LeaseHeld):
        env.reconcile("previous", holder="ann/shell-1")
    assert all(len(sentences) == 1 for sentences in seen)
    assert told(env) == []
    looking(env, raise_(Interrupted()))
    with pytest.raises(Interrupted):
        env.reconcile("previous", holder="ann/shell-2")
    assert told(env) == []


def test_nothing_is_told_soon_after_the_death_of_what_waited() -> None:
    """A process that was killed drops nothing; the next wish forgets it."""
    store = KillableStore()
    env = switched(store)

    def die() -> None:
        store.kill_point.writes = store.kill_point.seen
        raise Killed

    looking(env, die)
    with pytest.raises(Killed):
        env.reconcile("previous", holder="ann/shell-1")
    store.kill_point.writes = None
    later = datetime.now(UTC) + timedelta(seconds=VALID_SECONDS)
    assert len(describe_waiting(store, MODEL, now=datetime.now(UTC))) == 1
    assert describe_waiting(store, MODEL, now=later) == []
    [dead] = waiting_wishes(store, MODEL, now=datetime.now(UTC))
    keep_wish(store, wish(holder="ann/shell-2", renewed_at=later))
    assert not store.exists(dead.key)


def test_every_rollout_that_waits_is_told_in_the_order_of_asking(env: RolloutEnv) -> None:
    """A version by number waits for any rollout; the sweep is skipped and waits for none."""
    now = datetime.now(UTC)
    keep_wish(env.store, wish(to="1", holder="bob/shell-3", asked_at=now, renewed_at=now))
    seen = looking(env, lambda: env.promote("rollout-000001"))
    env.reconcile("previous", holder="ann/shell-1", asked_at=ASKED)
    [[first, second]] = seen
    assert first.startswith("a rollback, asked for by ann")
    assert second.startswith("a rollout of version 1, asked for by ann (bob/shell-3)")
    assert env.reconcile(holder="sweep").verdict.action == "nothing"
    assert len(told(env)) == 1


def test_the_stage_that_is_under_way_is_named(env: RolloutEnv) -> None:
    """A stage that has begun is told as begun, whether or not its process lives."""
    now = datetime.now(UTC)
    keep_wish(env.store, wish(renewed_at=now))
    env.store.write(f"open/{MODEL}/rollout-000001/promote_champion.json", b"{}")
    [sentence] = describe_waiting(env.store, MODEL, now=now)
    assert "which has begun promote_champion and not finished it." in sentence


def test_a_lease_that_is_free_is_not_told_as_waited_for(env: RolloutEnv) -> None:
    """The lease was given back since the last look of what waits."""
    env.promote("rollout-000001")
    now = datetime.now(UTC)
    keep_wish(env.store, wish(renewed_at=now))
    lease = find_lease(env.store, f"rollout-{MODEL}")
    assert lease is not None
    assert lease.released
    [sentence] = describe_waiting(env.store, MODEL, now=now)
    assert "waits for nothing any more and was heard of last at" in sentence


@pytest.mark.parametrize("left", [b"", b"{}", b"[1]", b'{"model": 1}', b"\xff"])
def test_a_damaged_wish_hides_nothing_and_stops_nothing(env: RolloutEnv, left: bytes) -> None:
    """It is passed over, and removed by the next wish."""
    strange = f"open/{MODEL}/wish-strange.json"
    env.store.write(strange, left)
    seen = looking(env, lambda: env.promote("rollout-000001"))
    assert env.reconcile("previous", holder="ann/shell-1").verdict.action == "roll_back"
    assert [len(sentences) for sentences in seen] == [1]
    assert not env.store.exists(strange)


def test_a_wish_that_cannot_be_noted_waits_all_the_same() -> None:
    """Telling people must not end the wait."""
    env = switched(FrailStore())
    seen = looking(env, lambda: env.promote("rollout-000001"))
    assert env.reconcile("previous", holder="ann/shell-1").verdict.action == "roll_back"
    assert seen == [[]]


def test_a_wish_is_renewed_while_it_waits(env: RolloutEnv) -> None:
    """Each five seconds, so that a live one is never taken for dead."""
    renewed: list[Store] = []
    real = env.store.write

    def write(key: str, data: bytes) -> None:
        if "wish-" in key:
            renewed.append(env.store)
        real(key, data)

    env.store.write = write  # type: ignore[method-assign]
    with pytest.raises(LeaseHeld):
        env.reconcile("previous", holder="ann/shell-1")
    assert len(renewed) == round(330 / 5)


def wish(
    *,
    renewed_at: datetime,
    to: str = "previous",
    holder: str = "ann/shell-1",
    asked_at: datetime = ASKED,
) -> WaitingWish:
    """A wish that was noted."""
    until = renewed_at + timedelta(seconds=330)
    return WaitingWish(MODEL, to, holder, "ann", asked_at, renewed_at, until, renewed_at)
