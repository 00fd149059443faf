"""The status of a pod, from the states of its containers."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.kubernetes_double.api.managed_fields import now
from tests.kubernetes_double.kubelet.containers import Container


@dataclass(frozen=True)
class ForcedPhase:
    """A phase that no container determines.

    Args:
        phase: `Failed` or `Succeeded`.
        reason: Such as `Evicted`; empty: none is given.
        message: Message of the status.
        disruption: Reason of the condition DisruptionTarget; empty: none.
    """

    phase: str
    reason: str = ""
    message: str = ""
    disruption: str = ""


@dataclass(frozen=True)
class ContainerStates:
    """The states that determine a pod's status.

    Args:
        inits: Init containers.
        mains: Containers.
        address: Address of the pod.
        started: Start time.
        forced: A phase that no container determines, or None.
        over: Whether all containers have ended for good.
    """

    inits: Sequence[Container]
    mains: Sequence[Container]
    address: str
    started: str
    forced: ForcedPhase | None
    over: bool


def phase(states: ContainerStates) -> str:
    """`Pending`, `Running`, `Succeeded` or `Failed`."""
    if states.forced is not None and states.over:
        return states.forced.phase
    if states.over:
        codes = [
            container.exit_code
            for container in (*states.inits, *states.mains)
            if not container.sidecar
        ]
        return "Succeeded" if all(code == 0 for code in codes) else "Failed"
    ran = [container for container in states.mains if container.container_id]
    return "Running" if ran and initialized(states.inits) else "Pending"


def initialized(inits: Sequence[Container]) -> bool:
    """Whether all init containers have completed."""
    return all(
        container.up.is_set() if container.sidecar else container.exit_code == 0
        for container in inits
    )


def write(pod: dict[str, Any], states: ContainerStates) -> None:
    """Write the status into a pod; conditions of others stay."""
    status = pod.setdefault("status", {})
    old = copy.deepcopy(status.get("conditions") or [])
    status |= {
        "phase": phase(states),
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "podIP": states.address,
        "podIPs": [{"ip": states.address}],
        "startTime": states.started,
        "observedGeneration": pod["metadata"].get("generation", 1),
        "containerStatuses": [container.status() for container in states.mains],
    }
    if states.inits:
        status["initContainerStatuses"] = [container.status() for container in states.inits]
    if states.forced is not None and states.forced.reason:
        status |= {"reason": states.forced.reason, "message": states.forced.message}
    status["conditions"] = merged(old, _conditions(states, status["phase"]))


def _conditions(states: ContainerStates, phase: str) -> list[dict[str, str]]:
    found = [_is("PodReadyToStartContainers", holds=not states.over), _initialized(states, phase)]
    found += [_ready(kind, states, phase) for kind in ("Ready", "ContainersReady")]
    if states.forced is not None and states.forced.disruption:
        found.append(
            _is(
                "DisruptionTarget",
                holds=True,
                reason=states.forced.disruption,
                message=states.forced.message,
            )
        )
    return found


def _initialized(states: ContainerStates, phase: str) -> dict[str, str]:
    if phase == "Succeeded":
        return _is("Initialized", holds=True, reason="PodCompleted")
    if initialized(states.inits):
        return _is("Initialized", holds=True)
    waiting = [
        container.name
        for container in states.inits
        if not (container.up.is_set() if container.sidecar else container.exit_code == 0)
    ]
    return _is(
        "Initialized",
        holds=False,
        reason="ContainersNotInitialized",
        message=f"containers with incomplete status: [{' '.join(waiting)}]",
    )


def _ready(kind: str, states: ContainerStates, phase: str) -> dict[str, str]:
    if phase == "Succeeded":
        return _is(kind, holds=False, reason="PodCompleted")
    if phase == "Failed":
        return _is(kind, holds=False, reason="PodFailed")
    sidecars = [container for container in states.inits if container.sidecar]
    unready = [each.name for each in (*sidecars, *states.mains) if not each.ready]
    if not unready:
        return _is(kind, holds=True)
    return _is(
        kind,
        holds=False,
        reason="ContainersNotReady",
        message=f"containers with unready status: [{' '.join(unready)}]",
    )


def _is(kind: str, *, holds: bool, reason: str = "", message: str = "") -> dict[str, str]:
    found = {"type": kind, "status": str(holds)}
    return found | {key: text for key, text in (("reason", reason), ("message", message)) if text}


def merged(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Conditions updated by new ones; a transition time changes only with the status."""
    kept = {condition["type"]: dict(condition) for condition in old}
    for condition in new:
        before = kept.get(condition["type"], {})
        same = before.get("status") == condition["status"]
        kept[condition["type"]] = {
            **condition,
            "lastTransitionTime": before.get("lastTransitionTime", now()) if same else now(),
        }
    return list(kept.values())


def condition_holds(obj: Mapping[str, Any], kind: str) -> bool:
    """Whether an object has a condition with status True."""
    conditions = obj.get("status", {}).get("conditions") or ()
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)
