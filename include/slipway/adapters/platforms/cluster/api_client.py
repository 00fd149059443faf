"""Client of the Kubernetes API for the objects of one namespace, as plain data.

Writes are server-side applies without force: fields of other managers are never overwritten.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient, ApiException, Configuration
from urllib3.exceptions import HTTPError

from slipway.adapters.platforms.cluster.api_errors import (
    conflicting_fields,
    error_of,
    is_transient,
    unavailable,
)
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.manifests.names import FIELD_MANAGER
from slipway.errors import BadParameter, NotFound

GATEWAY_API = "gateway.networking.k8s.io/v1"
PLURALS = {
    "ConfigMap": ("v1", "configmaps"),
    "Deployment": ("apps/v1", "deployments"),
    "HTTPRoute": (GATEWAY_API, "httproutes"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "Service": ("v1", "services"),
}
"""Kinds that a rollout's account has rights on: API version and plural."""

CONNECT_SECONDS, READ_SECONDS = 3.0, 10.0
WAITS_SECONDS = (0.5, 1.0, 2.0)
LONGEST_WAIT_SECONDS = 10.0
NO_REPLY = 599
"""Status of a request without a reply."""


def open_cluster(
    namespace: str,
    *,
    kubeconfig: Path | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> NamespaceClient:
    """Open a namespace of the kubeconfig's cluster, else of the one that this pod runs in.

    Sends no request yet.

    Args:
        namespace: Its name.
        kubeconfig: File to read; None: those of `KUBECONFIG`, else `~/.kube/config`, else the
            service account of the pod.
        sleep: Sleeps for some seconds.

    Raises:
        BadParameter: There is neither a kubeconfig nor a service account's token.
    """
    found = Configuration()
    files = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG", "~/.kube/config")
    try:
        if any(Path(file).expanduser().exists() for file in files.split(os.pathsep)):
            config.load_kube_config(files, client_configuration=found, persist_config=False)
        else:
            config.load_incluster_config(client_configuration=found)
            # The API is inside the cluster, and the proxy of the environment leads out of it.
            found.proxy = None
    except config.ConfigException as error:
        raise BadParameter(
            "the cluster's address and credentials cannot be read",
            expected="a kubeconfig, or a pod that mounts its service account's token",
            found=str(error),
            hint="set KUBECONFIG",
        ) from error
    # `_request` retries with bounded waits; the client's own retries follow any Retry-After.
    found.retries = False
    return NamespaceClient(ApiClient(found), namespace, sleep=sleep)


@dataclass(frozen=True)
class OwnershipReclaim:
    """Fields that have Slipway's values, to be taken back from the managers that own them.

    A manager that edits a field owns it from then on, also once the edit has been undone.

    Attributes:
        fields: As a conflict names them, e.g. `.spec.replicas`.
        resource_version: Of the object in which the fields had these values.
    """

    fields: frozenset[str]
    resource_version: str


@dataclass(frozen=True)
class _Reply:
    status: int
    body: Any
    retry_after_seconds: float = 0.0


class NamespaceClient:
    """Reads, applies and deletes objects of one namespace.

    Every method raises `ClusterUnavailable` when the API does not answer after a few attempts,
    and `Denied` when it refuses the request.

    Args:
        api: The Kubernetes client.
        namespace: Of all objects.
        sleep: Sleeps for some seconds.
    """

    def __init__(
        self, api: ApiClient, namespace: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.namespace = namespace
        self._api = api
        self._sleep = sleep

    def get(self, kind: str, name: str) -> Manifest | None:
        """An object, or None where there is none of that name."""
        try:
            return self._call("GET", kind, name)
        except NotFound:
            return None

    def find(self, kind: str, labels: Mapping[str, str] | None = None) -> list[Manifest]:
        """The objects with some labels, or all, in the order of their names.

        Raises:
            NotFound: The cluster has no such kind.
        """
        selector = ",".join(f"{name}={value}" for name, value in (labels or {}).items())
        query = [("labelSelector", selector)] if selector else []
        found = self._call("GET", kind, query=query)
        about = {"apiVersion": PLURALS[kind][0], "kind": kind}
        items = [about | item for item in found.get("items") or []]
        return sorted(items, key=lambda item: str(item["metadata"]["name"]))

    def apply(self, manifest: Manifest, *, reclaim: OwnershipReclaim | None = None) -> Manifest:
        """Apply a manifest and return the object; a repeat changes nothing.

        Args:
            manifest: All fields that Slipway sets. With a `metadata.resourceVersion`, only that
                state of the object is changed.
            reclaim: Fields that may be taken back from their managers, in that state.

        Raises:
            EditedByHand: Another manager has set one of these fields to another value.
            CommitConflict: The object is not in that state any more.
            NotFound: There is no such namespace or kind.
        """
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        path, where = self._path(kind, name), self._where(kind, name)
        query = [("fieldManager", FIELD_MANAGER), ("force", "false")]
        reply = self._request("PATCH", path, query=query, body=dict(manifest), where=where)
        conflicting = conflicting_fields(reply.status, reply.body)
        if conflicting and reclaim is not None and conflicting <= reclaim.fields:
            metadata = {**manifest["metadata"], "resourceVersion": reclaim.resource_version}
            query = [("fieldManager", FIELD_MANAGER), ("force", "true")]
            body = {**manifest, "metadata": metadata}
            reply = self._request("PATCH", path, query=query, body=body, where=where)
        return _read(reply, verb="apply", where=where)

    def delete(self, manifest: Manifest) -> None:
        """Delete an object and its dependents, unless another object has its name by now.

        Args:
            manifest: The object as read.

        Raises:
            CommitConflict: Another object has its name.
        """
        kind, metadata = manifest["kind"], manifest["metadata"]
        only = {"uid": metadata["uid"]}
        body = {"propagationPolicy": "Background", "preconditions": only}
        try:
            self._call("DELETE", kind, metadata["name"], body=body)
        except NotFound:
            return

    def has_gateway_api(self) -> bool:
        """Whether the cluster has the kind HTTPRoute."""
        where = f"the API {GATEWAY_API}"
        reply = self._request("GET", f"/apis/{GATEWAY_API}", query=[], body=None, where=where)
        if reply.status == HTTPStatus.NOT_FOUND:
            return False
        if reply.status != HTTPStatus.OK:
            raise error_of(reply.status, reply.body, verb="discover", where=where)
        resources = json.loads(reply.body).get("resources") or []
        return any(one.get("kind") == "HTTPRoute" for one in resources)

    def _call(
        self,
        method: str,
        kind: str,
        name: str = "",
        *,
        query: list[tuple[str, str]] | None = None,
        body: Any = None,
    ) -> Manifest:
        path, where = self._path(kind, name), self._where(kind, name)
        reply = self._request(method, path, query=query or [], body=body, where=where)
        return _read(reply, verb=method.lower(), where=where)

    def _path(self, kind: str, name: str) -> str:
        version, plural = PLURALS[kind]
        group = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return f"{group}/namespaces/{self.namespace}/{plural}{f'/{name}' if name else ''}"

    def _where(self, kind: str, name: str) -> str:
        return f"{kind} {self.namespace}/{name or '*'}"

    def _request(
        self, method: str, path: str, *, query: list[tuple[str, str]], body: Any, where: str
    ) -> _Reply:
        """Send a request, and repeat it after a transient failure."""
        reply = self._send(method, path, query=query, body=body)
        for wait in WAITS_SECONDS:
            if not is_transient(reply.status):
                break
            # Jitter: clients that were refused together do not return together.
            pause = max(wait * random.uniform(0.75, 1.25), reply.retry_after_seconds)  # noqa: S311
            self._sleep(min(pause, LONGEST_WAIT_SECONDS))
            reply = self._send(method, path, query=query, body=body)
        if reply.status == NO_REPLY:
            raise unavailable(str(reply.body), where=f"{self._api.configuration.host}, {where}")
        return reply

    def _send(self, method: str, path: str, *, query: list[tuple[str, str]], body: Any) -> _Reply:
        patch = "application/apply-patch+yaml"
        headers = {
            "Accept": "application/json",
            "Content-Type": patch if method == "PATCH" else "application/json",
            "User-Agent": FIELD_MANAGER,
        }
        self._api.update_params_for_auth(headers, query, ["BearerToken"])
        try:
            found = self._api.rest_client.request(
                method,
                self._api.configuration.host + path,
                query_params=query or None,
                headers=headers,
                body=body,
                _request_timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
        except ApiException as error:
            # After a failed TLS handshake the exception has no status.
            return _Reply(error.status or NO_REPLY, error.body or error.reason, _retry_after(error))
        except HTTPError as error:
            return _Reply(NO_REPLY, f"{type(error).__name__}: {error}")
        return _Reply(found.status, found.data)


def _read(reply: _Reply, *, verb: str, where: str) -> Manifest:
    if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        raise error_of(reply.status, reply.body, verb=verb, where=where)
    found: Manifest = json.loads(reply.body)
    return found


def _retry_after(error: ApiException) -> float:
    seconds = str((error.headers or {}).get("Retry-After", ""))
    return float(seconds) if seconds.isdecimal() else 0.0
