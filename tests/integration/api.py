"""A client of the Kubernetes API with the rights of one account: objects as dicts, and logs."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from kubernetes import config
from kubernetes.client import ApiClient, ApiException, Configuration
from urllib3.exceptions import HTTPError

Manifest = dict[str, Any]

MANAGER = "slipway-integration"
RBAC = "rbac.authorization.k8s.io/v1"
ADMISSION = "admissionregistration.k8s.io/v1"
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
CLUSTER_SCOPED = ("Namespace", POLICY, BINDING)
KINDS = {
    "CiliumNetworkPolicy": ("cilium.io/v2", "ciliumnetworkpolicies"),
    "ConfigMap": ("v1", "configmaps"),
    "Deployment": ("apps/v1", "deployments"),
    "Event": ("v1", "events"),
    "LimitRange": ("v1", "limitranges"),
    "Namespace": ("v1", "namespaces"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "httproutes"),
    "Pod": ("v1", "pods"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "ResourceQuota": ("v1", "resourcequotas"),
    "Role": (RBAC, "roles"),
    "RoleBinding": (RBAC, "rolebindings"),
    "Secret": ("v1", "secrets"),
    "Service": ("v1", "services"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    POLICY: (ADMISSION, "validatingadmissionpolicies"),
    BINDING: (ADMISSION, "validatingadmissionpolicybindings"),
}
"""API version and plural of what the suite lays out or looks at."""

WITHIN_S = (10.0, 60.0)
ATTEMPTS, PAUSE_S = 5, 1.0
FORBIDDEN, NOT_FOUND, TOO_MANY, SERVER_ERROR = 403, 404, 429, 500


class Api:
    """A client of the Kubernetes API; a context manager.

    Every method raises `ApiException` where the API refuses.

    Args:
        kubeconfig: File, or files as `KUBECONFIG` lists them.
        namespace: Namespace of all namespaced objects.
    """

    def __init__(self, kubeconfig: Path | str, *, namespace: str) -> None:
        self.namespace = namespace
        self.configuration = Configuration()
        config.load_kube_config(
            str(kubeconfig), client_configuration=self.configuration, persist_config=False
        )
        self.configuration.retries = False
        self._client = ApiClient(self.configuration)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def at(self, namespace: str) -> Self:
        """The same client for another namespace."""
        other = copy.copy(self)
        other.namespace = namespace
        return other

    def apply(self, manifest: Mapping[str, Any]) -> Manifest:
        """Apply a manifest to its namespace and take over conflicting fields; the object."""
        meta = manifest["metadata"]
        path = self._path(manifest["kind"], meta["name"], meta.get("namespace", ""))
        query = [("fieldManager", MANAGER), ("force", "true")]
        return self._json("PATCH", path, query=query, body=manifest)

    def create(self, manifest: Mapping[str, Any]) -> Manifest:
        """Create an object."""
        return self._json("POST", self._path(manifest["kind"]), body=manifest)

    def patch(self, kind: str, name: str, body: Mapping[str, Any]) -> Manifest:
        """Change an object by a merge patch."""
        merge = "application/merge-patch+json"
        return self._json("PATCH", self._path(kind, name), body=body, content_type=merge)

    def find(self, kind: str, name: str) -> Manifest | None:
        """An object, or None."""
        try:
            return self._json("GET", self._path(kind, name))
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def list_objects(self, kind: str, labels: Mapping[str, str]) -> list[Manifest]:
        """Objects with some labels."""
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        found = self._json("GET", self._path(kind), query=[("labelSelector", selector)])
        items: list[Manifest] = found.get("items") or []
        return items

    def delete(self, kind: str, name: str) -> None:
        """Delete an object and its dependents, if it exists."""
        body = {"propagationPolicy": "Background"}
        try:
            self._json("DELETE", self._path(kind, name), body=body)
        except ApiException as error:
            if error.status != NOT_FOUND:
                raise

    def has(self, kind: str) -> bool:
        """Whether the API serves a kind; False also without the right to look."""
        version, plural = KINDS[kind]
        try:
            found = self._json("GET", f"/apis/{version}")
        except ApiException as error:
            if error.status in (FORBIDDEN, NOT_FOUND):
                return False
            raise
        return any(one["name"] == plural for one in found.get("resources") or ())

    def own_addresses(self) -> dict[str, set[int]]:
        """Addresses and ports of the API servers behind their Service; empty: not to be seen."""
        path = "/api/v1/namespaces/default/endpoints/kubernetes"
        try:
            found = self._json("GET", path)
        except ApiException as error:
            if error.status in (FORBIDDEN, NOT_FOUND):
                return {}
            raise
        return {
            str(address["ip"]): {int(port["port"]) for port in one.get("ports") or ()}
            for one in found.get("subsets") or ()
            for address in one.get("addresses") or ()
        }

    def log(self, pod: str, container: str) -> str:
        """Log of a container so far."""
        path = f"{self._path('Pod', pod)}/log"
        return self._ask("GET", path, query=[("container", container)], body=None).decode()

    def token(self, account: str, *, seconds: int) -> str:
        """A token of a service account, by the TokenRequest API."""
        asked = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        path = f"{self._path('ServiceAccount', account)}/token"
        return str(self._json("POST", path, body=asked)["status"]["token"])

    def may(self, verb: str, resource: str, *, group: str = "", name: str = "") -> bool:
        """Whether the API allows this account an action, by a SelfSubjectAccessReview.

        Args:
            verb: Such as `create`.
            resource: Plural, with a subresource after a slash.
            group: API group; empty: core.
            name: Name of the object; empty: any.
        """
        plural, _, subresource = resource.partition("/")
        attributes = {"namespace": self.namespace, "verb": verb, "resource": plural}
        if group:
            attributes["group"] = group
        if subresource:
            attributes["subresource"] = subresource
        if name:
            attributes["name"] = name
        asked = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self._json("POST", path, body=asked)["status"]["allowed"])

    def wait(self, what: str, holds: Callable[[], Any], *, seconds: float) -> Any:
        """The first true result of `holds`; `what` names the condition in the error."""
        deadline = time.monotonic() + seconds
        while not (found := holds()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}\n{self.overview()}")
            time.sleep(0.3)
        return found

    def overview(self) -> str:
        """State of the pods in the namespace, a line each, and the last warnings."""
        lines = [_state_of(pod) for pod in self.list_objects("Pod", {})]
        events = [one for one in self.list_objects("Event", {}) if one.get("type") == "Warning"]
        events.sort(key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""))
        warnings = [
            f"{one['involvedObject'].get('name')}: {one.get('reason')}: {one.get('message')}"
            for one in events[-10:]
        ]
        return "\n".join([*lines, *warnings])

    def _path(self, kind: str, name: str = "", namespace: str = "") -> str:
        version, plural = KINDS[kind]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        where = "" if kind in CLUSTER_SCOPED else f"/namespaces/{namespace or self.namespace}"
        return f"{root}{where}/{plural}{f'/{name}' if name else ''}"

    def _json(
        self,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: Any = None,
        content_type: str = "",
    ) -> Manifest:
        answer = self._ask(method, path, query=query or [], body=body, content_type=content_type)
        found: Manifest = json.loads(answer)
        return found

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]],
        body: Any,
        content_type: str = "",
    ) -> bytes:
        """The body of the response; a busy server is asked again."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._send(method, path, query=query, body=body, content_type=content_type)
            except (ApiException, HTTPError) as error:
                status = int(getattr(error, "status", None) or SERVER_ERROR)
                passing = status == TOO_MANY or status >= SERVER_ERROR
                if attempt == ATTEMPTS or not passing:
                    raise
                time.sleep(PAUSE_S * attempt)
        raise AssertionError("unreachable")

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]],
        body: Any,
        content_type: str,
    ) -> bytes:
        usual = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
        headers = {
            "Accept": "application/json",
            "Content-Type": content_type or usual,
            "User-Agent": MANAGER,
        }
        self._client.update_params_for_auth(headers, query, ["BearerToken"])
        found = self._client.rest_client.request(
            method,
            self.configuration.host + path,
            query_params=query or None,
            headers=headers,
            body=body,
            _request_timeout=WITHIN_S,
        )
        return bytes(found.data)


def _state_of(pod: Mapping[str, Any]) -> str:
    status = pod.get("status") or {}
    containers = (*(status.get("initContainerStatuses") or ()),)
    containers += (*(status.get("containerStatuses") or ()),)
    states = {one["name"]: one.get("state") for one in containers}
    return f"{pod['metadata']['name']}: {status.get('phase')} {json.dumps(states)}"
