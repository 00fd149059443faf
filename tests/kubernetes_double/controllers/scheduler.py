"""Which node a pod goes to, and what is said when there is none."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.kubernetes_double.api.object_store import Object, Objects
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.api.quantities import quantity
from tests.kubernetes_double.api.selectors import object_selector
from tests.kubernetes_double.controllers.events import Recorder
from tests.kubernetes_double.kubelet.pod_status import merged

BY = "default-scheduler"


class Scheduler:
    """Binds pods to nodes; all of it happens in one event loop.

    Args:
        objects: All objects.
        recorder: Writes events.
    """

    def __init__(self, objects: Objects, recorder: Recorder) -> None:
        self._objects = objects
        self._recorder = recorder
        self._waiting: dict[tuple[str, str], str] = {}
        self._barred: list[dict[str, str]] = []

    def observe(self, change: str, obj: Mapping[str, Any]) -> None:
        """Take up a pod that has no node; try the others again when something has moved."""
        if obj["kind"] == "Node":
            self._try_all()
        if obj["kind"] != "Pod":
            return
        key = (obj["metadata"]["namespace"], obj["metadata"]["name"])
        if change == "DELETED" or obj["spec"].get("nodeName"):
            self._waiting.pop(key, None)
            if change == "DELETED":
                self._try_all()
        elif key not in self._waiting:
            self._waiting[key] = ""
            self._try(key)

    def bar(self, labels: Mapping[str, str]) -> None:
        """Find no room for pods with these labels from now on."""
        self._barred.append(dict(labels))

    def admit_all(self) -> None:
        """Find room for everybody again."""
        self._barred.clear()
        self._try_all()

    def _try_all(self) -> None:
        for key in list(self._waiting):
            self._try(key)

    def _try(self, key: tuple[str, str]) -> None:
        pod = self._objects.find("Pod", *key)
        if pod is None or pod["spec"].get("nodeName"):
            return
        nodes = self._objects.list("Node")
        others = self._objects.list("Pod")
        refusals = {node["metadata"]["name"]: self._why_not(pod, node, others) for node in nodes}
        free = [name for name, why in refusals.items() if why is None]
        if free:
            self._bind(pod, min(free, key=lambda name: _crowd(name, pod, others)))
        else:
            self._refuse(pod, [why for why in refusals.values() if why is not None])

    def _why_not(self, pod: Object, node: Object, others: Sequence[Object]) -> str | None:
        labels = pod["metadata"].get("labels") or {}
        if any(barred.items() <= labels.items() for barred in self._barred):
            return "Insufficient memory"
        taints = node["spec"].get("taints") or []
        if any(not _tolerated(taint, pod) for taint in taints):
            taint = taints[0]["key"]
            return f"node(s) had untolerated taint(s) {{{taint}: }}"
        if not _chosen(pod["spec"], node["metadata"].get("labels") or {}):
            return "node(s) didn't match Pod's node affinity/selector"
        return _too_little(pod, node, others)

    def _bind(self, pod: Object, node: str) -> None:
        meta = pod["metadata"]

        def place(obj: Object) -> None:
            obj["spec"]["nodeName"] = node

        scheduled = {"type": "PodScheduled", "status": "True"}
        # Somebody may have deleted it meanwhile.
        with contextlib.suppress(ApiProblem):
            self._condition(pod, scheduled)
            self._objects.change("Pod", meta["namespace"], meta["name"], place, manager=BY)
            where = f"{meta['namespace']}/{meta['name']}"
            self._recorder.normal(
                pod, "Scheduled", f"Successfully assigned {where} to {node}", by=BY
            )

    def _refuse(self, pod: Object, reasons: Sequence[str]) -> None:
        message = refusal(reasons)
        key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        if self._waiting.get(key) == message:
            return
        self._waiting[key] = message
        refused = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
        }
        with contextlib.suppress(ApiProblem):
            self._condition(pod, refused)
            self._recorder.warning(pod, "FailedScheduling", message, by=BY)

    def _condition(self, pod: Object, condition: Mapping[str, str]) -> None:
        def write(obj: Object) -> None:
            status = obj.setdefault("status", {"phase": "Pending"})
            status["conditions"] = merged(status.get("conditions") or [], [condition])

        meta = pod["metadata"]
        self._objects.change(
            "Pod", meta["namespace"], meta["name"], write, manager=BY, subresource="status"
        )


def refusal(reasons: Sequence[str]) -> str:
    """What the scheduler says when every node has a reason against a pod."""
    total = len(reasons)
    counted = sorted(f"{count} {reason}" for reason, count in Counter(reasons).items())
    full = sum(reason.startswith("Insufficient") for reason in reasons)
    helpless = [
        *([f"{total - full} Preemption is not helpful for scheduling"] if total - full else []),
        *([f"{full} No preemption victims found for incoming pod"] if full else []),
    ]
    return (
        f"0/{total} nodes are available: {', '.join(counted)}. no new claims to deallocate,"
        f" preemption: 0/{total} nodes are available: {', '.join(helpless)}."
    )


def _chosen(spec: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(
        object_selector({"matchExpressions": term.get("matchExpressions") or []})(labels)
        for term in required["nodeSelectorTerms"]
    )


def _tolerated(taint: Mapping[str, str], pod: Object) -> bool:
    for toleration in pod["spec"].get("tolerations") or ():
        # Pods bear with a silent node for a while; the double's control plane does not wait.
        if "tolerationSeconds" in toleration:
            continue
        if toleration.get("key") in (None, taint["key"]) and toleration.get("effect") in (
            None,
            "",
            taint["effect"],
        ):
            return True
    return False


def _too_little(pod: Object, node: Object, others: Sequence[Object]) -> str | None:
    there = node.get("status", {}).get("allocatable") or {}
    here = [each for each in others if _occupies(each, node["metadata"]["name"])]
    for name in ("cpu", "memory"):
        taken = sum((_request(each, name) for each in here), Decimal())
        if taken + _request(pod, name) > quantity(there.get(name, "0")):
            return f"Insufficient {name}"
    return "Too many pods" if len(here) >= quantity(there.get("pods", "0")) else None


def _occupies(pod: Object, node: str) -> bool:
    ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return pod["spec"].get("nodeName") == node and not ended


def _request(pod: Object, name: str) -> Decimal:
    """What a pod asks for: its containers and sidecars together, or its greediest other init."""
    mains, inits = pod["spec"]["containers"], pod["spec"].get("initContainers") or ()
    kept = [each for each in inits if each.get("restartPolicy") == "Always"]
    together = sum((_asked(each, name) for each in (*mains, *kept)), Decimal())
    return max([together, *(_asked(each, name) for each in inits if each not in kept)])


def _asked(container: Mapping[str, Any], name: str) -> Decimal:
    resources = container.get("resources") or {}
    asked = (resources.get("requests") or {}).get(name)
    return quantity(asked or (resources.get("limits") or {}).get(name) or "0")


def _crowd(node: str, pod: Object, others: Sequence[Object]) -> tuple[int, int, str]:
    """How full a node is: of a pod's own kind first, then of all."""
    here = [each for each in others if _occupies(each, node)]
    owner = _owner(pod)
    return sum(owner is not None and _owner(each) == owner for each in here), len(here), node


def _owner(pod: Object) -> str | None:
    owners = pod["metadata"].get("ownerReferences") or ()
    return owners[0]["uid"] if owners else None
