"""A rollout in flight: what it does, and the lease that keeps others away from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread

from slipway.errors import BadParameter, StoreUnavailable, Superseded
from slipway.records.leases import Lease, find_lease, release, renew
from slipway.records.run_records import RunRef, find_record, need_record
from slipway.records.store import Store
from slipway.stages.rollout.plan import Action

LEASE_SECONDS = 300.0
RENEW_EVERY_SECONDS = 45.0
"""While something slow is waited for; several may fail before the lease is free for others."""


@dataclass(frozen=True)
class RolloutPlan:
    """One rollout in flight, as `reconcile` recorded it.

    Attributes:
        model: Its name.
        token: Fencing token of its lease.
        action: What it does.
        version: The version that shall serve.
        champion: The champion when it began.
        previous: The previous champion when it began.
        served: The version that answered every request when it began; None: there was none.
    """

    model: str
    token: int
    action: Action
    version: int
    champion: int | None
    previous: int | None
    served: int | None = None

    @property
    def is_urgent(self) -> bool:
        """Whether it returns to a known version, which neither doubt nor steps may hold up."""
        return self.action in {"roll_back", "repair"}

    @property
    def has_steps(self) -> bool:
        """Whether there is a champion from which traffic can shift step by step."""
        all_at_once = self.is_urgent or self.fallback is None
        return not all_at_once and self.served != self.version

    @property
    def fallback(self) -> int | None:
        """The version that goes on serving should this rollout fail."""
        return self.champion if self.champion != self.version else None

    @property
    def warm(self) -> list[int]:
        """The versions that stay ready beside the one that serves."""
        kept = self.previous if self.fallback is None else self.fallback
        return [] if kept is None or kept == self.version else [kept]


def read_plan(store: Store, model: str, run: str) -> RolloutPlan:
    """The rollout that a run's `reconcile` decided on.

    Raises:
        NotFound: There is no such record.
        BadParameter: It decided that there is nothing to do.
    """
    record = need_record(store, RunRef(model, run, "reconcile"))
    numbers, action = record.verdict.numbers, record.verdict.action
    if numbers.get("version") is None:
        raise BadParameter(f"{run} of {model} has nothing to roll out", where=record.ref.key)
    return RolloutPlan(
        model=model,
        token=int(run.removeprefix("rollout-")),
        action=action,  # type: ignore[arg-type]
        version=int(numbers["version"]),  # type: ignore[arg-type]
        champion=numbers.get("champion"),  # type: ignore[arg-type]
        previous=numbers.get("previous"),  # type: ignore[arg-type]
        served=numbers.get("served"),  # type: ignore[arg-type]
    )


def rollout_run(token: int) -> str:
    """Run id of the rollout that holds a lease."""
    return f"rollout-{token:06d}"


def renew_lease(store: Store, rollout: RolloutPlan) -> Lease:
    """The rollout's lease, renewed; call it when a stage begins and before it changes traffic.

    Raises:
        Superseded: Another rollout has taken over, or this one was given up.
    """
    lease = find_lease(store, lease_name(rollout.model))
    if lease is None or lease.number != rollout.token:
        raise Superseded(
            f"{rollout_run(rollout.token)} of {rollout.model} may not go on",
            expected="its lease to be the newest",
            found=f"lease {lease.number} of {lease.holder}" if lease else "no lease",
        )
    return renew(store, lease, seconds=LEASE_SECONDS)


@contextmanager
def keep_lease(
    store: Store, rollout: RolloutPlan, *, every_seconds: float = RENEW_EVERY_SECONDS
) -> Iterator[None]:
    """Keep the rollout's lease for as long as something slow takes inside.

    A cluster may take almost as long as a lease lasts to let a version answer. The renewals come
    from this very process, so a rollout that died or was frozen still loses its lease in time.

    Args:
        store: Where leases lie.
        rollout: Whose.
        every_seconds: How often it is renewed.

    Raises:
        Superseded: Another rollout has taken over, before or meanwhile.
    """
    renew_lease(store, rollout)
    over = Event()

    def renew_it() -> None:
        while not over.wait(every_seconds):
            # A store that is away for a moment is asked again before the lease ends; a lease that
            # somebody took over is found to be gone below.
            with suppress(StoreUnavailable):
                try:
                    renew_lease(store, rollout)
                except Superseded:
                    return

    renewals = Thread(target=renew_it, name=f"lease of {rollout_run(rollout.token)}", daemon=True)
    renewals.start()
    try:
        yield
    finally:
        over.set()
        renewals.join()
    renew_lease(store, rollout)


def release_lease(store: Store, rollout: RolloutPlan) -> None:
    """Give the rollout's lease back, if it still has it."""
    with suppress(Superseded):
        release(store, renew_lease(store, rollout))


def preemptible_lease(store: Store, model: str) -> int | None:
    """Number of the newest lease, if its rollout has begun and has not switched yet.

    A way back may take it over. A rollout that is past its switch is over within seconds.
    """
    lease = find_lease(store, lease_name(model))
    if lease is None:
        return None
    begun = RunRef(model, rollout_run(lease.number), "reconcile")
    is_over = find_record(store, begun) is None or store.exists(begun.beside("switch").key)
    return None if is_over else lease.number


def lease_name(model: str) -> str:
    """What a rollout of a model leases."""
    return f"rollout-{model}"
