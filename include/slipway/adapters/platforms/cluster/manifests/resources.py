"""Resource requests and limits of a version's servers: measured by `verify`, else of the spec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from slipway.spec.cluster import Cluster
from slipway.stages.rollout.carry_out import COLD_START_S, RESIDENT_MIB

REQUEST_OF_MEASURED = 1.25
LIMIT_OF_REQUEST = 2
STEP_MIB = 16
LEAST_HEADROOM_MIB = 256
STARTUP_OF_MEASURED = 10
LEAST_STARTUP_SECONDS = 60

UNITS = {
    "": 1.0,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


@dataclass(frozen=True)
class Sizing:
    """Resources of one server.

    Attributes:
        cpu: Request, a Kubernetes quantity. It has no limit: a limit would throttle a busy server
            even on an idle node.
        memory_request: Kubernetes quantity.
        memory_limit: Kubernetes quantity, with headroom for large and for waiting requests.
        startup_seconds: A process that is not live by then is restarted.
    """

    cpu: str
    memory_request: str
    memory_limit: str
    startup_seconds: int


def sizing(cluster: Cluster, tags: Mapping[str, str]) -> Sizing:
    """Compute the resources of a version's servers.

    Args:
        cluster: The spec's values, for a version that was not measured.
        tags: Tags of the version in the registry.
    """
    resident = _measured(tags.get(RESIDENT_MIB))
    cold_start = _measured(tags.get(COLD_START_S))
    memory = cluster.resources.memory
    request_mib = mebibytes(memory)
    if resident is not None:
        request_mib = STEP_MIB * math.ceil(resident * REQUEST_OF_MEASURED / STEP_MIB)
        memory = _quantity(request_mib)
    limit_mib = max(LIMIT_OF_REQUEST * request_mib, request_mib + LEAST_HEADROOM_MIB)
    startup = cluster.ready_seconds
    if cold_start is not None:
        needed = max(LEAST_STARTUP_SECONDS, math.ceil(cold_start * STARTUP_OF_MEASURED))
        startup = min(needed, startup)
    return Sizing(
        cpu=cluster.resources.cpu,
        memory_request=memory,
        memory_limit=_quantity(limit_mib),
        startup_seconds=startup,
    )


def mebibytes(quantity: str) -> int:
    """MiB of a Kubernetes quantity of memory, rounded up."""
    return math.ceil(parse_quantity(quantity) / UNITS["Mi"])


def parse_quantity(quantity: str) -> float:
    """Parse a Kubernetes quantity, in bytes or processors.

    Raises:
        ValueError: Not a quantity with a number and one of `UNITS`.
    """
    number = quantity.rstrip("kKMGTim")
    unit = UNITS.get(quantity[len(number) :])
    if unit is None:
        raise ValueError(quantity)
    return float(number) * unit


def _measured(tag: str | None) -> float | None:
    """A positive number, or None: tags can be edited in the registry, so they are validated."""
    try:
        value = float(tag or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _quantity(mib: int) -> str:
    """The notation that the API server normalises to, so that a repeat changes nothing."""
    return f"{mib // 1024}Gi" if mib % 1024 == 0 else f"{mib}Mi"
