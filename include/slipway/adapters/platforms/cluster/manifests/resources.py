"""What a server of a version asks of its node: measured by `verify`, else as its spec says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from slipway.spec.cluster import Cluster
from slipway.stages.rollout.verify import COLD_START_S, RESIDENT_MIB

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
    """What one server of a version asks for.

    Attributes:
        cpu: Requested, a Kubernetes quantity. It has no limit: a limit would throttle a server
            that is asked much while its node has nothing else to do.
        memory_request: Kubernetes quantity.
        memory_limit: Kubernetes quantity; what large requests and waiting ones may add.
        startup_seconds: A process that is not live by then is started again.
    """

    cpu: str
    memory_request: str
    memory_limit: str
    startup_seconds: int


def sizing(cluster: Cluster, tags: Mapping[str, str]) -> Sizing:
    """What a server of a version asks for.

    Args:
        cluster: What the spec says, where the version was not measured.
        tags: Of the version.
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
    return math.ceil(amount(quantity) / UNITS["Mi"])


def amount(quantity: str) -> float:
    """What a Kubernetes quantity comes to, in bytes or processors.

    Raises:
        ValueError: It is none that our manifests would have.
    """
    number = quantity.rstrip("kKMGTim")
    unit = UNITS.get(quantity[len(number) :])
    if unit is None:
        raise ValueError(quantity)
    return float(number) * unit


def _measured(said: str | None) -> float | None:
    """A positive number, or None: a tag is a note that anybody may have written."""
    try:
        value = float(said or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _quantity(mib: int) -> str:
    """As the API server would write it, so that a repeat changes nothing."""
    return f"{mib // 1024}Gi" if mib % 1024 == 0 else f"{mib}Mi"
