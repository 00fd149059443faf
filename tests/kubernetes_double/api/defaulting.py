"""Default values that the API server writes into objects.

Source: `SetDefaults_*` of Kubernetes' `pkg/apis/*/v1/defaults.go`, CRD defaults of the Gateway API.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

Fields = dict[str, Any]


def fill(holder: Fields, **defaults: Any) -> None:
    """Set fields that are absent."""
    for name, value in defaults.items():
        if holder.get(name) is None:
            holder[name] = copy.deepcopy(value)


def default(_objects: Any, obj: Fields, before: Fields | None) -> None:
    """Set an object's default values; a check for `Objects`."""
    del before
    if filler := _BY_KIND.get(obj["kind"]):
        obj.setdefault("spec", {})
        filler(obj)


def _pod(obj: Fields) -> None:
    _pod_spec(obj["spec"])
    fill(obj["spec"], enableServiceLinks=True, priority=0, preemptionPolicy="PreemptLowerPriority")
    fill(obj["spec"], serviceAccountName=obj["spec"].get("serviceAccount") or "default")
    fill(obj["spec"], serviceAccount=obj["spec"]["serviceAccountName"])
    fill(obj, status={"phase": "Pending", "qosClass": _qos(obj["spec"])})


def _qos(spec: Fields) -> str:
    resources = [container.get("resources") or {} for container in spec.get("containers") or ()]
    if not any(found.get("requests") or found.get("limits") for found in resources):
        return "BestEffort"
    guaranteed = all(
        found.get("limits", {}).get(name) is not None
        and found["limits"][name] == found.get("requests", {}).get(name)
        for found in resources
        for name in ("cpu", "memory")
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _pod_spec(spec: Fields) -> None:
    fill(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        schedulerName="default-scheduler",
        securityContext={},
    )
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        _container(container)
    for volume in spec.get("volumes") or ():
        _volume(volume)
    for constraint in spec.get("topologySpreadConstraints") or ():
        fill(constraint, maxSkew=1)


def _container(container: Fields) -> None:
    tag = str(container.get("image", "")).rpartition("/")[2]
    newest = tag.endswith(":latest") or not {":", "@"} & set(tag)
    fill(
        container,
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy="Always" if newest else "IfNotPresent",
        resources={},
    )
    limits = container["resources"].get("limits") or {}
    if limits:
        fill(container["resources"], requests={})
        fill(container["resources"]["requests"], **limits)
    for port in container.get("ports") or ():
        fill(port, protocol="TCP")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe):
            _probe(container[probe])
    for variable in container.get("env") or ():
        source = (variable.get("valueFrom") or {}).get("fieldRef")
        if source:
            fill(source, apiVersion="v1")


def _probe(probe: Fields) -> None:
    fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if probe.get("httpGet"):
        fill(probe["httpGet"], path="/", scheme="HTTP")


def _volume(volume: Fields) -> None:
    for source in ("secret", "configMap"):
        if volume.get(source) is not None:
            fill(volume[source], defaultMode=420)


def _deployment(obj: Fields) -> None:
    spec = obj["spec"]
    fill(
        spec,
        replicas=1,
        revisionHistoryLimit=10,
        progressDeadlineSeconds=600,
        strategy={"type": "RollingUpdate"},
    )
    if spec["strategy"].get("type", "RollingUpdate") == "RollingUpdate":
        fill(spec["strategy"], type="RollingUpdate", rollingUpdate={})
        fill(spec["strategy"]["rollingUpdate"], maxSurge="25%", maxUnavailable="25%")
    _template(spec)


def _replica_set(obj: Fields) -> None:
    fill(obj["spec"], replicas=1)
    _template(obj["spec"])


def _template(spec: Fields) -> None:
    if isinstance(spec.get("template"), dict):
        fill(spec["template"], metadata={}, spec={})
        _pod_spec(spec["template"]["spec"])


def _service(obj: Fields) -> None:
    spec = obj["spec"]
    fill(spec, type="ClusterIP", sessionAffinity="None")
    if spec["type"] != "ExternalName":
        fill(
            spec,
            internalTrafficPolicy="Cluster",
            ipFamilies=["IPv4"],
            ipFamilyPolicy="SingleStack",
        )
    for port in spec.get("ports") or ():
        fill(port, protocol="TCP", targetPort=port.get("port"))


def _secret(obj: Fields) -> None:
    del obj["spec"]
    fill(obj, type="Opaque")


def _route(obj: Fields) -> None:
    spec = obj["spec"]
    for parent in spec.get("parentRefs") or ():
        fill(parent, group="gateway.networking.k8s.io", kind="Gateway")
    fill(spec, rules=[{}])
    for rule in spec["rules"]:
        fill(rule, matches=[{"path": {"type": "PathPrefix", "value": "/"}}])
        for backend in rule.get("backendRefs") or ():
            fill(backend, group="", kind="Service", weight=1)


def _namespace(obj: Fields) -> None:
    fill(obj["spec"], finalizers=["kubernetes"])
    fill(obj, status={"phase": "Active"})
    name = obj["metadata"]["name"]
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name


_BY_KIND: dict[str, Callable[[Fields], None]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "Service": _service,
    "Secret": _secret,
    "HTTPRoute": _route,
    "Namespace": _namespace,
}


class ServiceAddresses:
    """Allocates a cluster address for every Service; a check for `Objects`.

    Args:
        allocate: Returns a new address.
    """

    def __init__(self, allocate: Callable[[], str]) -> None:
        self._allocate = allocate

    def __call__(self, _objects: Any, obj: Fields, before: Fields | None) -> None:
        """Set the address, unless it has one."""
        if obj["kind"] != "Service" or obj["spec"].get("type") == "ExternalName":
            return
        spec = obj["spec"]
        fill(spec, clusterIP=((before or {}).get("spec") or {}).get("clusterIP"))
        if not spec.get("clusterIP"):
            spec["clusterIP"] = self._allocate()
        fill(spec, clusterIPs=[spec["clusterIP"]])
