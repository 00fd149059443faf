"""Holders of the models' leases, by DAG run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.wiring.container import Container


def lease_holder(model: str, *, container: Container | None = None) -> str | None:
    """Return who holds a model's lease, or None.

    Args:
        model: Name of the model.
        container: Adapters; None: made from environment variables.
    """
    from slipway.records.leases import find_lease
    from slipway.stages.rollout.lease import lease_name

    lease = find_lease((container or Container()).store, lease_name(model))
    return None if lease is None or lease.released else lease.holder


def give_lease_back(
    model: str, origin: Mapping[str, Any], *, container: Container | None = None
) -> None:
    """Release a model's lease if that run holds it, as when its work has failed for good.

    Args:
        model: Name of the model.
        origin: Origin of the run.
        container: Adapters; None: made from environment variables.
    """
    from slipway.stages.rollout.lease import give_back, holder_of

    give_back((container or Container()).store, model, holder=holder_of(origin))
