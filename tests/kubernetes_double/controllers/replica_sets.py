"""ReplicaSets: a number of pods of one template."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.kubernetes_double.api.object_store import Object, Objects
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.controllers.endpoints import owner_reference
from tests.kubernetes_double.controllers.events import Recorder
from tests.kubernetes_double.kubelet.pod_status import condition_holds, merged

BY = "replicaset-controller"
AGAIN_S = 0.5

Later = Callable[[float], None]


class ReplicaSets:
    """Creates and deletes the pods of ReplicaSets.

    Args:
        objects: All objects.
        recorder: Writes events.
    """

    def __init__(self, objects: Objects, recorder: Recorder) -> None:
        self._objects = objects
        self._recorder = recorder

    def reconcile(self, namespace: str, name: str, again: Later) -> None:
        """Reconcile one ReplicaSet.

        Args:
            namespace: Its namespace.
            name: Its name.
            again: Enqueues it again after some seconds.
        """
        found = self._objects.find("ReplicaSet", namespace, name)
        if found is None or "deletionTimestamp" in found["metadata"]:
            return
        pods = active(owned(self._objects, "Pod", found))
        failure = self._count(found, pods)
        if failure is not None:
            again(AGAIN_S)
        pods = active(owned(self._objects, "Pod", found))
        status = _status(found, pods, failure)
        if status["readyReplicas"] > status["availableReplicas"]:
            again(AGAIN_S)
        with contextlib.suppress(ApiProblem):
            self._objects.set_status("ReplicaSet", namespace, name, status, manager=BY)

    def _count(self, found: Object, pods: Sequence[Object]) -> str | None:
        """Create or delete pods; the message of admission if it refused one."""
        wanted = int(found["spec"].get("replicas", 1))
        for pod in sorted(pods, key=_dispensable)[: max(0, len(pods) - wanted)]:
            meta = pod["metadata"]
            self._recorder.normal(found, "SuccessfulDelete", f"Deleted pod: {meta['name']}", by=BY)
            with contextlib.suppress(ApiProblem):
                self._objects.delete("Pod", meta["namespace"], meta["name"])
        for _ in range(wanted - len(pods)):
            try:
                made = self._objects.create(_pod(found), manager="kube-controller-manager")
            except ApiProblem as problem:
                message = problem.message
                self._recorder.warning(found, "FailedCreate", f"Error creating: {message}", by=BY)
                return message
            made_name = made["metadata"]["name"]
            self._recorder.normal(found, "SuccessfulCreate", f"Created pod: {made_name}", by=BY)
        return None


def owned(objects: Objects, kind: str, owner: Mapping[str, Any]) -> list[Object]:
    """Objects of a kind with an owner."""
    meta = owner["metadata"]
    return [
        each
        for each in objects.list(kind, meta["namespace"])
        if any(
            reference["uid"] == meta["uid"]
            for reference in each["metadata"].get("ownerReferences") or ()
        )
    ]


def active(pods: Sequence[Object]) -> list[Object]:
    """Pods that have neither ended nor are being deleted."""
    return [
        pod
        for pod in pods
        if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        and "deletionTimestamp" not in pod["metadata"]
    ]


def available(pod: Mapping[str, Any], least_seconds: float) -> bool:
    """Whether a pod has been ready for some seconds."""
    if not condition_holds(pod, "Ready"):
        return False
    since = next(
        each["lastTransitionTime"]
        for each in pod["status"]["conditions"]
        if each["type"] == "Ready"
    )
    age = datetime.now(UTC) - datetime.fromisoformat(since)
    return age.total_seconds() >= least_seconds


def _dispensable(pod: Object) -> tuple[bool, bool, str]:
    """Order of deletion: without a node, not ready, young."""
    has_node = bool(pod["spec"].get("nodeName"))
    born = pod["metadata"]["creationTimestamp"]
    return has_node, condition_holds(pod, "Ready"), "".join(chr(255 - ord(it)) for it in born)


def _pod(found: Object) -> Object:
    template = copy.deepcopy(found["spec"]["template"])
    meta = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{found['metadata']['name']}-",
            "namespace": found["metadata"]["namespace"],
            "labels": meta.get("labels") or {},
            "annotations": meta.get("annotations") or {},
            "ownerReferences": [owner_reference(found)],
        },
        "spec": template["spec"],
    }


def _status(found: Object, pods: Sequence[Object], failure: str | None) -> dict[str, Any]:
    status = {
        "replicas": len(pods),
        "fullyLabeledReplicas": len(pods),
        "readyReplicas": sum(condition_holds(pod, "Ready") for pod in pods),
        "availableReplicas": sum(
            available(pod, float(found["spec"].get("minReadySeconds", 0))) for pod in pods
        ),
        "observedGeneration": found["metadata"]["generation"],
    }
    if failure is None:
        return status
    old = found.get("status", {}).get("conditions") or []
    refused = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": failure,
    }
    return status | {"conditions": merged(old, [refused])}
