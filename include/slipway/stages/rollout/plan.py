"""Plan of a rollout in progress: the version to serve, and the one to fall back to."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.errors import BadParameter
from slipway.records.run_records import RunRef, need_record
from slipway.records.store import Store
from slipway.stages.rollout.observed_state import Action


@dataclass(frozen=True)
class RolloutPlan:
    """Plan of a rollout in progress, as `reconcile` recorded it.

    Attributes:
        model: Name of the model.
        token: Fencing token of its lease.
        action: What it does.
        version: Version to serve.
        champion: Champion when it began.
        previous: Previous champion when it began.
        served: Version that took every request when it began; None: there was none.
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
        """Whether it returns to a known version, which no canary step may delay."""
        return self.action in {"roll_back", "repair"}

    @property
    def has_steps(self) -> bool:
        """Whether there is a champion from which traffic can shift step by step."""
        all_at_once = self.is_urgent or self.fallback is None
        return not all_at_once and self.served != self.version

    @property
    def fallback(self) -> int | None:
        """Version that serves if this rollout fails."""
        return self.champion if self.champion != self.version else None

    @property
    def warm(self) -> list[int]:
        """Versions kept ready without a share of the traffic."""
        kept = self.previous if self.fallback is None else self.fallback
        return [] if kept is None or kept == self.version else [kept]


def rollout_run(token: int) -> str:
    """Run id of the rollout that holds a lease."""
    return f"rollout-{token:06d}"


def read_plan(store: Store, model: str, run: str) -> RolloutPlan:
    """Read the plan that a run's `reconcile` recorded.

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
