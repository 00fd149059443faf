"""Nodes of the cluster, and the pods on them."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.kubernetes_double.api.managed_fields import now
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.context import ClusterContext
from tests.kubernetes_double.kubelet.pod_run import PodRun
from tests.kubernetes_double.kubelet.pod_status import ForcedPhase, merged

CAPACITY = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "200Gi"}
NODE_INFO = (
    "architecture",
    "bootID",
    "containerRuntimeVersion",
    "kernelVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "machineID",
    "operatingSystem",
    "osImage",
    "systemUUID",
)
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "KubeletReady",
    "message": "kubelet is posting ready status",
}
SILENT = {
    "type": "Ready",
    "status": "Unknown",
    "reason": "NodeStatusUnknown",
    "message": "Kubelet stopped posting node status.",
}
UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}


def node(name: str) -> dict[str, Any]:
    """A node as it registers."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "spec": {},
    }


class Kubelets:
    """Runs the pods that are bound to nodes, in the event loop.

    Args:
        cluster: State that all pods share.
        nodes: Names of the nodes.
    """

    def __init__(self, cluster: ClusterContext, nodes: Sequence[str]) -> None:
        self._cluster = cluster
        self._nodes = tuple(nodes)
        self._lost: set[str] = set()
        self._runs: dict[str, PodRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.faults: list[str] = []

    def register(self) -> None:
        """Create the Node objects."""
        for name in self._nodes:
            self._cluster.objects.create(node(name), manager="kubelet")
            self._node_status(name, READY)

    def observe(self, change: str, obj: Mapping[str, Any]) -> None:
        """Start, end or clean up a pod that has changed."""
        if obj["kind"] != "Pod" or obj["spec"].get("nodeName") not in self._nodes:
            return
        uid = obj["metadata"]["uid"]
        run = self._runs.get(uid)
        if change == "DELETED":
            self._forget(uid)
        elif run is None:
            self._take_up(obj)
        elif "deletionTimestamp" in obj["metadata"]:
            run.stop(grace_seconds=obj["metadata"].get("deletionGracePeriodSeconds", 30))

    def run_of(self, namespace: str, name: str) -> PodRun:
        """The run of a pod. Raises: KeyError: no node runs it."""
        for run in self._runs.values():
            if (run.namespace, run.name) == (namespace, name):
                return run
        raise KeyError(name)

    def evict(self, namespace: str, name: str) -> None:
        """Evict a pod for lack of memory on its node."""
        run = self.run_of(namespace, name)
        pod = self._cluster.objects.get("Pod", namespace, name)
        container = pod["spec"]["containers"][0]
        asked = (container.get("resources") or {}).get("requests", {}).get("memory", "0")
        message = (
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 51200Ki."
            f" Container {container['name']} was using 524288Ki, request is {asked}, has larger"
            " consumption of memory. "
        )
        self._cluster.recorder.warning(pod, "Evicted", message, by="kubelet")
        run.stop(
            grace_seconds=0,
            forced=ForcedPhase("Failed", "Evicted", message, disruption="TerminationByKubelet"),
        )

    def lose(self, name: str) -> None:
        """Lose a node with all its pods."""
        self._lost.add(name)
        for run in [run for run in self._runs.values() if run.node == name]:
            run.cut()
        self._taint(name, [UNREACHABLE])
        self._node_status(name, SILENT)
        for pod in self._cluster.objects.list("Pod"):
            if pod["spec"].get("nodeName") == name:
                self._write_off(pod, name)

    def restore(self, name: str) -> None:
        """Restore a lost node."""
        self._lost.discard(name)
        self._taint(name, [])
        self._node_status(name, READY)

    def log_file(self, namespace: str, name: str, container: str) -> Path | None:
        """Log file of a container; None: no node runs the pod, or it has no such container."""
        for run in list(self._runs.values()):
            if (run.namespace, run.name) == (namespace, name):
                return run.log_file(container)
        return None

    async def close(self) -> None:
        """Kill all pods and wait for their end; a pod that is bound meanwhile does not begin."""
        self._lost.update(self._nodes)
        for run in self._runs.values():
            run.cut()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _take_up(self, pod: Mapping[str, Any]) -> None:
        if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return
        if pod["spec"]["nodeName"] in self._lost:
            return
        run = PodRun(self._cluster, pod)
        self._runs[run.uid] = run
        self._tasks[run.uid] = asyncio.create_task(self._live(run))
        if "deletionTimestamp" in pod["metadata"]:
            run.stop(grace_seconds=0)

    async def _live(self, run: PodRun) -> None:
        try:
            await run.run()
        except Exception:  # noqa: BLE001 - a fault of the double, which the test reports
            self.faults.append(f"{run.name}: {traceback.format_exc()}")
            run.cut()
        with contextlib.suppress(ApiProblem):
            pod = self._cluster.objects.get("Pod", run.namespace, run.name)
            if pod["metadata"]["uid"] == run.uid and "deletionTimestamp" in pod["metadata"]:
                self._cluster.objects.delete(
                    "Pod", run.namespace, run.name, grace_seconds=0, uid=run.uid
                )

    def _forget(self, uid: str) -> None:
        run = self._runs.pop(uid, None)
        if run is None:
            return

        def clear(_: asyncio.Task[None]) -> None:
            del self._tasks[uid]
            run.clear()

        run.cut()
        self._tasks[uid].add_done_callback(clear)

    def _write_off(self, pod: Mapping[str, Any], name: str) -> None:
        """Fail and delete a pod whose node is lost, as the control plane does."""
        meta = pod["metadata"]
        message = f"Node {name} which was running pod {meta['name']} is unresponsive"

        def lost(obj: dict[str, Any]) -> None:
            status = obj["status"]
            if status.get("phase") not in ("Succeeded", "Failed"):
                status |= {"phase": "Failed", "reason": "NodeLost", "message": message}
            unready = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
            status["conditions"] = merged(status.get("conditions") or [], unready)

        with contextlib.suppress(ApiProblem):
            self._cluster.objects.change(
                "Pod",
                meta["namespace"],
                meta["name"],
                lost,
                manager="kube-controller-manager",
                subresource="status",
            )
            self._cluster.objects.delete("Pod", meta["namespace"], meta["name"], grace_seconds=0)
        self._cluster.recorder.warning(
            pod, "NodeNotReady", "Node is not ready", by="node-controller"
        )

    def _taint(self, name: str, taints: Sequence[Mapping[str, str]]) -> None:
        def write(obj: dict[str, Any]) -> None:
            obj["spec"]["taints"] = [dict(taint) for taint in taints]

        self._cluster.objects.change("Node", "", name, write, manager="kube-controller-manager")

    def _node_status(self, name: str, ready: Mapping[str, str]) -> None:
        def write(obj: dict[str, Any]) -> None:
            old = obj.setdefault("status", {}).get("conditions") or []
            obj["status"] |= {
                "capacity": dict(CAPACITY),
                "allocatable": dict(CAPACITY),
                "conditions": merged(old, [{**ready, "lastHeartbeatTime": now()}]),
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "nodeInfo": dict.fromkeys(NODE_INFO, "double") | {"operatingSystem": "linux"},
            }

        self._cluster.objects.change(
            "Node", "", name, write, manager="kubelet", subresource="status"
        )
