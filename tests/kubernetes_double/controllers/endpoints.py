"""Endpoints of Services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.kubernetes_double.kubelet.pod_status import condition_holds
from tests.kubernetes_double.network.kube_proxy import Endpoint


def chosen(
    service: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Pods that a Service selects, with an address and not ended."""
    selector = service["spec"].get("selector")
    if not selector:
        return []
    return [
        pod
        for pod in pods
        if pod["metadata"]["namespace"] == service["metadata"]["namespace"]
        and selector.items() <= (pod["metadata"].get("labels") or {}).items()
        and pod.get("status", {}).get("podIP")
        and pod["status"].get("phase") not in ("Succeeded", "Failed")
    ]


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a selected pod gets connections."""
    return "deletionTimestamp" not in pod["metadata"] and condition_holds(pod, "Ready")


def headless(service: Mapping[str, Any]) -> bool:
    """Whether a Service's name resolves to its pods."""
    return bool(service["spec"].get("clusterIP") == "None")


def ready(
    service: Mapping[str, Any], pods: Iterable[Mapping[str, Any]], port: Mapping[str, Any]
) -> list[Endpoint]:
    """Endpoints of one port of a Service."""
    found = []
    for pod in chosen(service, pods):
        number = target_port(port, pod)
        if number is not None and is_ready(pod):
            found.append(Endpoint(pod["status"]["podIP"], number))
    return found


def target_port(port: Mapping[str, Any], pod: Mapping[str, Any]) -> int | None:
    """The container port of a Service's port; None: the pod has none of that name."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    for container in (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())):
        for held in container.get("ports") or ():
            if held.get("name") == target:
                return int(held["containerPort"])
    return None


def endpoint_slice(service: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The EndpointSlice of a Service."""
    meta = service["metadata"]
    selected = chosen(service, pods)
    ports = service["spec"].get("ports") or ()
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{meta['name']}-{meta['uid'][:5]}",
            "namespace": meta["namespace"],
            "labels": {
                "kubernetes.io/service-name": meta["name"],
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(pod) for pod in selected],
        "ports": [
            {
                "name": port.get("name", ""),
                "port": target_port(port, selected[0]) if selected else port["port"],
                "protocol": port.get("protocol", "TCP"),
            }
            for port in ports
        ],
    }


def owner_reference(owner: Mapping[str, Any]) -> dict[str, Any]:
    """A reference to an owner."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _endpoint(pod: Mapping[str, Any]) -> dict[str, Any]:
    leaving = "deletionTimestamp" in pod["metadata"]
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": is_ready(pod),
            "serving": condition_holds(pod, "Ready"),
            "terminating": leaving,
        },
        "nodeName": pod["spec"].get("nodeName", ""),
        "targetRef": {
            "kind": "Pod",
            "name": pod["metadata"]["name"],
            "namespace": pod["metadata"]["namespace"],
            "uid": pod["metadata"]["uid"],
        },
    }
