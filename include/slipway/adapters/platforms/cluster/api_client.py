"""Objects of one namespace over the Kubernetes API, as plain dicts.

Writes are server-side applies: what somebody else has set is never overwritten.
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
    is_passing,
    owned_fields,
    refusal,
    unavailable,
)
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
"""What the account of a rollout may touch: API version and plural by kind."""

CONNECT_SECONDS, READ_SECONDS = 3.0, 10.0
WAITS_SECONDS = (0.5, 1.0, 2.0)
LONGEST_WAIT_SECONDS = 10.0
SILENCE = 599
"""Stands for no reply at all."""

Manifest = dict[str, Any]


def open_cluster(
    namespace: str,
    *,
    kubeconfig: Path | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> ClusterObjects:
    """A namespace of the cluster that a kubeconfig names, else of the one that we run in.

    Nothing is asked of the cluster yet.

    Args:
        namespace: Its name.
        kubeconfig: File to read; none: those of `KUBECONFIG`, `~/.kube/config`, the pod's own.
        sleep: Waits for some seconds.

    Raises:
        BadParameter: There is no way to any cluster.
    """
    found = Configuration()
    files = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG", "~/.kube/config")
    try:
        if any(Path(file).expanduser().exists() for file in files.split(os.pathsep)):
            config.load_kube_config(files, client_configuration=found, persist_config=False)
        else:
            config.load_incluster_config(client_configuration=found)
            # The API is never beyond the proxy that leads out of the cluster.
            found.proxy = None
    except config.ConfigException as error:
        raise BadParameter(
            "there is no way to the cluster",
            expected="a kubeconfig, or a pod whose service account mounts its token",
            found=str(error),
            hint="set KUBECONFIG",
        ) from error
    # The waits below are ours, and bounded; the client's own follow any Retry-After.
    found.retries = False
    return ClusterObjects(ApiClient(found), namespace, sleep=sleep)


@dataclass(frozen=True)
class SetBack:
    """Fields that are as we set them, whoever set them last.

    Who edits a field owns it from then on, also once it has been set back.

    Attributes:
        fields: As a refusal names them, e.g. `.spec.replicas`.
        resource_version: The state in which they were seen to be so.
    """

    fields: frozenset[str]
    resource_version: str


@dataclass(frozen=True)
class _Reply:
    status: int
    body: Any
    retry_after_seconds: float = 0.0


class ClusterObjects:
    """Objects of one namespace.

    Every method raises `ClusterUnavailable` when the API does not answer after a few attempts,
    and `Denied` when it does not allow what is asked.

    Args:
        api: The client.
        namespace: Of all objects.
        sleep: Waits for some seconds.
    """

    def __init__(
        self, api: ApiClient, namespace: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.namespace = namespace
        self._api = api
        self._sleep = sleep

    def get(self, kind: str, name: str) -> Manifest | None:
        """An object, or None when there is no such."""
        try:
            return self._call("GET", kind, name)
        except NotFound:
            return None

    def find(self, kind: str, labels: Mapping[str, str]) -> list[Manifest]:
        """The objects that bear some labels, in the order of their names.

        Raises:
            NotFound: The cluster has no such kind.
        """
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        found = self._call("GET", kind, query=[("labelSelector", selector)])
        about = {"apiVersion": PLURALS[kind][0], "kind": kind}
        items = [about | item for item in found.get("items") or []]
        return sorted(items, key=lambda item: str(item["metadata"]["name"]))

    def apply(self, manifest: Mapping[str, Any], *, set_back: SetBack | None = None) -> Manifest:
        """The object once everything that a manifest says is so; a repeat changes nothing.

        Args:
            manifest: All that we say of it. With a `metadata.resourceVersion`, only that very
                state of the object is changed.
            set_back: Fields that may be taken back from whoever owns them, in that very state.

        Raises:
            EditedByHand: Somebody else has set one of these fields to something else.
            CommitConflict: The object is not in that state any more.
            NotFound: There is no such namespace or kind.
        """
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        path, where = self._path(kind, name), self._where(kind, name)
        query = [("fieldManager", FIELD_MANAGER), ("force", "false")]
        reply = self._ask("PATCH", path, query=query, body=dict(manifest), where=where)
        owned = owned_fields(reply.status, reply.body)
        if owned and set_back is not None and owned <= set_back.fields:
            metadata = {**manifest["metadata"], "resourceVersion": set_back.resource_version}
            query = [("fieldManager", FIELD_MANAGER), ("force", "true")]
            body = {**manifest, "metadata": metadata}
            reply = self._ask("PATCH", path, query=query, body=body, where=where)
        return _read(reply, verb="apply", where=where)

    def delete(self, manifest: Mapping[str, Any]) -> None:
        """Let an object go, with what it owns, unless another one has its name by now.

        Args:
            manifest: As it was read.

        Raises:
            CommitConflict: Another one has its name.
        """
        kind, metadata = manifest["kind"], manifest["metadata"]
        only = {"uid": metadata["uid"]}
        body = {"propagationPolicy": "Background", "preconditions": only}
        try:
            self._call("DELETE", kind, metadata["name"], body=body)
        except NotFound:
            return

    def has_gateway_api(self) -> bool:
        """Whether the cluster knows HTTPRoutes."""
        where = f"the API {GATEWAY_API}"
        reply = self._ask("GET", f"/apis/{GATEWAY_API}", query=[], body=None, where=where)
        if reply.status == HTTPStatus.NOT_FOUND:
            return False
        if reply.status != HTTPStatus.OK:
            raise refusal(reply.status, reply.body, verb="discover", where=where)
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
        reply = self._ask(method, path, query=query or [], body=body, where=where)
        return _read(reply, verb=method.lower(), where=where)

    def _path(self, kind: str, name: str) -> str:
        version, plural = PLURALS[kind]
        group = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return f"{group}/namespaces/{self.namespace}/{plural}{f'/{name}' if name else ''}"

    def _where(self, kind: str, name: str) -> str:
        return f"{kind} {self.namespace}/{name or '*'}"

    def _ask(
        self, method: str, path: str, *, query: list[tuple[str, str]], body: Any, where: str
    ) -> _Reply:
        """The reply, asked for again where another attempt may help."""
        reply = self._send(method, path, query=query, body=body)
        for wait in WAITS_SECONDS:
            if not is_passing(reply.status):
                break
            # Those who were turned away together shall not come back together.
            pause = max(wait * random.uniform(0.75, 1.25), reply.retry_after_seconds)  # noqa: S311
            self._sleep(min(pause, LONGEST_WAIT_SECONDS))
            reply = self._send(method, path, query=query, body=body)
        if reply.status == SILENCE:
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
            # Of a failed handshake the client makes one without a status.
            return _Reply(error.status or SILENCE, error.body or error.reason, _wait_of(error))
        except HTTPError as error:
            return _Reply(SILENCE, f"{type(error).__name__}: {error}")
        return _Reply(found.status, found.data)


def _read(reply: _Reply, *, verb: str, where: str) -> Manifest:
    if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        raise refusal(reply.status, reply.body, verb=verb, where=where)
    found: Manifest = json.loads(reply.body)
    return found


def _wait_of(error: ApiException) -> float:
    said = str((error.headers or {}).get("Retry-After", ""))
    return float(said) if said.isdecimal() else 0.0
