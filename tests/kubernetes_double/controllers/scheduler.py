"""The scheduler: nodes for pods, and messages about pods without one."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.kubernetes_double.api.object_store import Object, Objects
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.controllers.events import Recorder
from tests.kubernetes_double.kubelet.pod_status import merged

BY = "default-scheduler"


class Scheduler:
    """Binds pods to nodes; runs in the event loop.

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
        """Schedule a new pod; retry waiting ones after changes."""
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
        """Let pods with some labels find no room."""
        self._barred.append(dict(labels))

    def admit_all(self) -> None:
        """Let all pods find room again."""
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
        refusals = {node["metadata"]["name"]: self._why_not(pod, node) for node in nodes}
        free = [name for name, why in refusals.items() if why is None]
        if free:
            self._bind(pod, min(free, key=lambda name: _crowd(name, pod, others)))
        else:
            self._refuse(pod, [why for why in refusals.values() if why is not None])

    def _why_not(self, pod: Object, node: Object) -> str | None:
        labels = pod["metadata"].get("labels") or {}
        if any(barred.items() <= labels.items() for barred in self._barred):
            return "Insufficient memory"
        if taints := node["spec"].get("taints"):
            return f"node(s) had untolerated taint(s) {{{taints[0]['key']}: }}"
        selector = pod["spec"].get("nodeSelector") or {}
        if not selector.items() <= (node["metadata"].get("labels") or {}).items():
            return "node(s) didn't match Pod's node affinity/selector"
        return None

    def _bind(self, pod: Object, node: str) -> None:
        meta = pod["metadata"]

        def place(obj: Object) -> None:
            obj["spec"]["nodeName"] = node

        scheduled = {"type": "PodScheduled", "status": "True"}
        # It may have been deleted meanwhile.
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
    """The scheduler's message if every node has a reason against a pod."""
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


def _occupies(pod: Object, node: str) -> bool:
    ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return pod["spec"].get("nodeName") == node and not ended


def _crowd(node: str, pod: Object, others: Sequence[Object]) -> tuple[int, int, str]:
    """Load of a node: pods of the same owner first, then all."""
    here = [each for each in others if _occupies(each, node)]
    owner = _owner(pod)
    return sum(owner is not None and _owner(each) == owner for each in here), len(here), node


def _owner(pod: Object) -> str | None:
    owners = pod["metadata"].get("ownerReferences") or ()
    return owners[0]["uid"] if owners else None
