"""File the retrain requests that are due: for a first model, a labelled batch, a cron time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from croniter import croniter

from slipway.records import requests
from slipway.stages.model.aliases import CHALLENGER, CHAMPION
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLOUT_TAG
from slipway.values.value_types import LATEST

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import ModelSpec
    from slipway.stages.ports.registry import Registry

_LAST_MINUTE = LATEST.replace(second=0, microsecond=0)


def file_due(
    spec: ModelSpec,
    store: Store,
    registry: Registry,
    *,
    clock: datetime,
    labels: int,
    labels_version: int,
) -> None:
    """File the requests that the state calls for: first model, labelled batch, cron tick."""
    model, policy = spec.model, spec.retraining
    if labels < policy.first_after_labels:
        return

    def file(kind: requests.Kind, reason: str, unique: str) -> None:
        requests.file_request(
            store, model, kind=kind, reason=reason, at=clock.isoformat(), by="accept", unique=unique
        )

    if not has_model(registry, model):
        if requests.in_flight(store, model) is None:
            reason = f"There is no model that may serve yet, and {labels} labels have arrived."
            file("first", reason, f"first-labels-{labels_version}")
        return
    if policy.on_batch:
        reason = f"Labels have arrived; there are {labels} now."
        file("batch", reason, f"batch-labels-{labels_version}")
    tick = _due_tick(store, model, policy.cron, clock)
    if tick is not None:
        reason = f"The event clock has passed {tick:%Y-%m-%d %H:%M} UTC ({policy.cron})."
        file("cron", reason, f"cron-{tick.isoformat()}")


def has_model(registry: Registry, model: str) -> bool:
    """Whether a version serves or may serve; a refused first challenger does not count."""
    if registry.alias(model, CHAMPION) is not None:
        return True
    challenger = registry.alias(model, CHALLENGER)
    return challenger is not None and challenger.tags.get(ROLLOUT_TAG) not in BLOCKED


def _due_tick(store: Store, model: str, cron: str | None, clock: datetime) -> datetime | None:
    """The newest tick up to the event clock, unless a request was accepted since.

    One that was accepted when the clock stood later than now counts as older: the clock was
    corrected since.
    """
    if cron is None:
        return None
    found = requests.accepted(store, model)
    numbers = next((numbers for request, numbers in found if not request.dry_run), None)
    if numbers is None:
        return None
    # `get_prev` looks strictly before its start, and ticks fall on whole minutes.
    after = min(clock, _LAST_MINUTE) + timedelta(seconds=1)
    tick: datetime = croniter(cron, after).get_prev(datetime)
    return None if tick <= datetime.fromisoformat(numbers["clock"]) <= clock else tick
