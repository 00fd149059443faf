"""The status of a pod, from how its containers fare."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.kubernetes_double.api.managed_fields import now
from tests.kubernetes_double.kubelet.containers import Container


@dataclass(frozen=True)
class Verdict:
    """A phase that no container decides.

    Args:
        phase: `Failed` or `Succeeded`.
        reason: Such as `Evicted`; empty: none is given.
        message: For people.
        disruption: Reason of the condition DisruptionTarget; empty: it is no disruption.
    """

    phase: str
    reason: str = ""
    message: str = ""
    disruption: str = ""


@dataclass(frozen=True)
class Fared:
    """All that a pod's status says beside what the scheduler wrote.

    Args:
        inits: Init containers.
        mains: Containers.
        address: The pod's.
        started: When the kubelet saw it.
        verdict: What ended it; None: only its containers tell.
        over: Whether no container will run again.
    """

    inits: Sequence[Container]
    mains: Sequence[Container]
    address: str
    started: str
    verdict: Verdict | None
    over: bool


def phase(fared: Fared) -> str:
    """`Pending`, `Running`, `Succeeded` or `Failed`."""
    if fared.verdict is not None and fared.over:
        return fared.verdict.phase
    if fared.over:
        codes = [
            container.exit_code
            for container in (*fared.inits, *fared.mains)
            if not container.sidecar
        ]
        return "Succeeded" if all(code == 0 for code in codes) else "Failed"
    ran = [container for container in fared.mains if container.container_id]
    return "Running" if ran and initialized(fared.inits) else "Pending"


def initialized(inits: Sequence[Container]) -> bool:
    """Whether every init container has done its part."""
    return all(
        container.up.is_set() if container.sidecar else container.exit_code == 0
        for container in inits
    )


def write(pod: dict[str, Any], fared: Fared) -> None:
    """Write into a pod how it fares; conditions of others stay."""
    status = pod.setdefault("status", {})
    old = copy.deepcopy(status.get("conditions") or [])
    status |= {
        "phase": phase(fared),
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "podIP": fared.address,
        "podIPs": [{"ip": fared.address}],
        "startTime": fared.started,
        "observedGeneration": pod["metadata"].get("generation", 1),
        "containerStatuses": [container.status() for container in fared.mains],
    }
    if fared.inits:
        status["initContainerStatuses"] = [container.status() for container in fared.inits]
    if fared.verdict is not None and fared.verdict.reason:
        status |= {"reason": fared.verdict.reason, "message": fared.verdict.message}
    status["conditions"] = merged(old, _conditions(fared, status["phase"]))


def _conditions(fared: Fared, phase: str) -> list[dict[str, str]]:
    found = [_is("PodReadyToStartContainers", holds=not fared.over), _initialized(fared, phase)]
    found += [_ready(kind, fared, phase) for kind in ("Ready", "ContainersReady")]
    if fared.verdict is not None and fared.verdict.disruption:
        found.append(
            _is(
                "DisruptionTarget",
                holds=True,
                reason=fared.verdict.disruption,
                message=fared.verdict.message,
            )
        )
    return found


def _initialized(fared: Fared, phase: str) -> dict[str, str]:
    if phase == "Succeeded":
        return _is("Initialized", holds=True, reason="PodCompleted")
    if initialized(fared.inits):
        return _is("Initialized", holds=True)
    waiting = [
        container.name
        for container in fared.inits
        if not (container.up.is_set() if container.sidecar else container.exit_code == 0)
    ]
    return _is(
        "Initialized",
        holds=False,
        reason="ContainersNotInitialized",
        message=f"containers with incomplete status: [{' '.join(waiting)}]",
    )


def _ready(kind: str, fared: Fared, phase: str) -> dict[str, str]:
    if phase == "Succeeded":
        return _is(kind, holds=False, reason="PodCompleted")
    if phase == "Failed":
        return _is(kind, holds=False, reason="PodFailed")
    sidecars = [container for container in fared.inits if container.sidecar]
    unready = [each.name for each in (*sidecars, *fared.mains) if not each.ready]
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
    """Conditions with new ones in place; a time moves only where a status did."""
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
    """Whether an object has a condition, and it is true."""
    conditions = obj.get("status", {}).get("conditions") or ()
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)
