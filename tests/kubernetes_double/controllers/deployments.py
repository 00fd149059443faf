"""Deployments: one ReplicaSet per template, and rolling updates."""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Sequence

from tests.kubernetes_double.api.managed_fields import now
from tests.kubernetes_double.api.object_store import Object, Objects
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.controllers.endpoints import owner_reference
from tests.kubernetes_double.controllers.events import Recorder
from tests.kubernetes_double.controllers.replica_sets import Later, owned
from tests.kubernetes_double.controllers.rolling_update import Bounds, template_hash
from tests.kubernetes_double.kubelet.pod_status import merged

BY = "deployment-controller"
MANAGER = "kube-controller-manager"
HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"


class Deployments:
    """Creates and scales the ReplicaSets of Deployments, and reports their status.

    Args:
        objects: All objects.
        recorder: Writes events.
    """

    def __init__(self, objects: Objects, recorder: Recorder) -> None:
        self._objects = objects
        self._recorder = recorder
        # Time and state of each uid's last progress; whole seconds are too coarse.
        self._progress: dict[str, tuple[float, tuple[int, ...]]] = {}

    def reconcile(self, namespace: str, name: str, again: Later) -> None:
        """Reconcile one Deployment, and write its status."""
        found = self._objects.find("Deployment", namespace, name)
        if found is None or "deletionTimestamp" in found["metadata"]:
            return
        sets = owned(self._objects, "ReplicaSet", found)
        digest = template_hash(found["spec"]["template"])
        old = [each for each in sets if each["metadata"]["labels"].get(HASH) != digest]
        new = next((each for each in sets if each not in old), None)
        if new is None:
            new = self._new_set(found, digest, sets)
        self._mark_revision(found, new)
        if not found["spec"].get("paused"):
            self._roll(found, new, old)
        self._report(namespace, name, again)

    def _new_set(self, found: Object, digest: str, sets: Sequence[Object]) -> Object:
        template = copy.deepcopy(found["spec"]["template"])
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        labels[HASH] = digest
        selector = copy.deepcopy(found["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH] = digest
        last = max((_revision(each) for each in sets), default=0)
        return self._objects.create(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{found['metadata']['name']}-{digest}",
                    "namespace": found["metadata"]["namespace"],
                    "labels": dict(labels),
                    "annotations": {REVISION: str(last + 1)},
                    "ownerReferences": [owner_reference(found)],
                },
                "spec": {
                    "replicas": 0,
                    "selector": selector,
                    "template": template,
                    "minReadySeconds": found["spec"].get("minReadySeconds", 0),
                },
            },
            manager=MANAGER,
        )

    def _mark_revision(self, found: Object, new: Object) -> None:
        revision = str(_revision(new))
        meta = found["metadata"]
        if (meta.get("annotations") or {}).get(REVISION) == revision:
            return

        def write(obj: Object) -> None:
            obj["metadata"].setdefault("annotations", {})[REVISION] = revision

        self._objects.change("Deployment", meta["namespace"], meta["name"], write, manager=MANAGER)

    def _roll(self, found: Object, new: Object, old: Sequence[Object]) -> None:
        bounds = Bounds.of(found)
        old = [each for each in old if _replicas(each)]
        recreates = (found["spec"].get("strategy") or {}).get("type") == "Recreate"
        if recreates and any(each.get("status", {}).get("replicas") for each in old):
            for each in old:
                self._scale(found, each, 0)
            return
        total = _replicas(new) + sum(_replicas(each) for each in old)
        if _replicas(new) > bounds.wanted:
            self._scale(found, new, bounds.wanted)
        elif _replicas(new) < bounds.wanted and total < bounds.wanted + bounds.surge:
            room = bounds.wanted + bounds.surge - total
            self._scale(found, new, min(bounds.wanted, _replicas(new) + room))
        self._shrink(found, new, old, bounds)

    def _shrink(self, found: Object, new: Object, old: Sequence[Object], bounds: Bounds) -> None:
        """Scale old sets down, broken ones first, while enough pods stay available."""
        total = _replicas(new) + sum(_replicas(each) for each in old)
        least = bounds.wanted - bounds.unavailable
        spare = total - least - max(0, _replicas(new) - _available(new))
        for each in old:
            broken = min(spare, _replicas(each) - _available(each))
            if broken > 0:
                each["spec"]["replicas"] = _replicas(each) - broken
                spare -= broken
                self._scale(found, each, _replicas(each), was=_replicas(each) + broken)
        free = _available(new) + sum(_available(each) for each in old) - least
        for each in old:
            going = min(free, _replicas(each))
            if going > 0:
                free -= going
                self._scale(found, each, _replicas(each) - going)

    def _scale(self, found: Object, one: Object, replicas: int, *, was: int | None = None) -> None:
        before = _replicas(one) if was is None else was
        if before == replicas:
            return

        def write(obj: Object) -> None:
            obj["spec"]["replicas"] = replicas

        meta = one["metadata"]
        self._objects.change("ReplicaSet", meta["namespace"], meta["name"], write, manager=MANAGER)
        one["spec"]["replicas"] = replicas
        way = "up" if replicas > before else "down"
        message = f"Scaled {way} replica set {meta['name']} from {before} to {replicas}"
        self._recorder.normal(found, "ScalingReplicaSet", message, by=BY)

    def _report(self, namespace: str, name: str, again: Later) -> None:
        found = self._objects.get("Deployment", namespace, name)
        sets = owned(self._objects, "ReplicaSet", found)
        digest = template_hash(found["spec"]["template"])
        new = next((each for each in sets if each["metadata"]["labels"].get(HASH) == digest), None)
        if new is None:
            # Its template has just changed, so it is in the queue again.
            return
        bounds = Bounds.of(found)
        counts = _counts(found, sets, new, bounds)
        conditions = [_availability(counts, bounds), self._progressing(found, new, counts, again)]
        refusals = [
            condition
            for each in sets
            for condition in each.get("status", {}).get("conditions") or ()
            if condition["type"] == "ReplicaFailure"
        ]
        old = [
            condition
            for condition in found.get("status", {}).get("conditions") or ()
            if condition["type"] != "ReplicaFailure"
        ]
        changed = merged(old, [*conditions, *(_plain(each) for each in refusals[:1])])
        for condition in changed:
            before: Object = next((it for it in old if it["type"] == condition["type"]), {})
            same = {**before, "lastUpdateTime": ""} == {**condition, "lastUpdateTime": ""}
            condition["lastUpdateTime"] = before.get("lastUpdateTime", now()) if same else now()
        with contextlib.suppress(ApiProblem):
            self._objects.set_status(
                "Deployment",
                namespace,
                name,
                counts | {"conditions": changed},
                manager=MANAGER,
            )

    def _progressing(
        self, found: Object, new: Object, counts: dict[str, int], again: Later
    ) -> dict[str, str]:
        wanted, name = int(found["spec"].get("replicas", 1)), new["metadata"]["name"]
        uid = found["metadata"]["uid"]
        complete = all(
            counts[key] == wanted for key in ("replicas", "updatedReplicas", "availableReplicas")
        )
        reach = (
            found["metadata"]["generation"],
            counts["updatedReplicas"],
            counts["readyReplicas"],
            counts["availableReplicas"],
            -counts["replicas"],
        )
        since, before = self._progress.get(uid, (0.0, ()))
        if complete:
            self._progress[uid] = (math.inf, reach)
            return _moves(
                "True",
                "NewReplicaSetAvailable",
                f'ReplicaSet "{name}" has successfully progressed.',
            )
        if not before or reach[0] != before[0] or (since < math.inf and reach > before):
            since = time.monotonic()
        self._progress[uid] = (since, reach)
        if since == math.inf:
            # A complete rollout whose pods fail later still has progressed.
            return _moves(
                "True",
                "NewReplicaSetAvailable",
                f'ReplicaSet "{name}" has successfully progressed.',
            )
        left = float(found["spec"].get("progressDeadlineSeconds", 600)) - time.monotonic() + since
        if left <= 0:
            return _moves(
                "False",
                "ProgressDeadlineExceeded",
                f'ReplicaSet "{name}" has timed out progressing.',
            )
        again(left + 0.05)
        return _moves("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')


def _counts(found: Object, sets: Sequence[Object], new: Object, bounds: Bounds) -> dict[str, int]:
    def total(field: str) -> int:
        return sum(int(each.get("status", {}).get(field, 0)) for each in sets)

    return {
        "observedGeneration": found["metadata"]["generation"],
        "replicas": total("replicas"),
        "updatedReplicas": int(new.get("status", {}).get("replicas", 0)),
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": total("availableReplicas"),
        "unavailableReplicas": max(0, bounds.wanted - total("availableReplicas")),
    }


def _availability(counts: dict[str, int], bounds: Bounds) -> dict[str, str]:
    enough = counts["availableReplicas"] >= bounds.wanted - bounds.unavailable
    has = "has" if enough else "does not have"
    return {
        "type": "Available",
        "status": str(enough),
        "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        "message": f"Deployment {has} minimum availability.",
    }


def _moves(status: str, reason: str, message: str) -> dict[str, str]:
    return {"type": "Progressing", "status": status, "reason": reason, "message": message}


def _plain(condition: Object) -> Object:
    return {key: text for key, text in condition.items() if not key.startswith("last")}


def _replicas(one: Object) -> int:
    return int(one["spec"].get("replicas", 1))


def _available(one: Object) -> int:
    return int(one.get("status", {}).get("availableReplicas", 0))


def _revision(one: Object) -> int:
    return int((one["metadata"].get("annotations") or {}).get(REVISION, 0))
