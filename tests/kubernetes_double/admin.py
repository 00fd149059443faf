"""Requests of an administrator to the cluster's HTTP API."""

from __future__ import annotations

from typing import Any

import httpx

from tests.kubernetes_double.api.kinds import GATEWAY, Kind, kind_of
from tests.kubernetes_double.api.patches import APPLY, MERGE, STRATEGIC
from tests.kubernetes_double.api.problems import ApiProblem

Object = dict[str, Any]
REQUEST_WITHIN_S = 30


class Admin:
    """A client that writes objects as `kubectl` does.

    Args:
        url: URL of the API.
        token: Token of an administrator.
        namespace: Default namespace of objects.
    """

    def __init__(self, url: str, token: str, *, namespace: str) -> None:
        self._namespace = namespace
        self._client = httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {token}", "user-agent": "kubectl/v1.36.0"},
            timeout=REQUEST_WITHIN_S,
            trust_env=False,
        )

    def apply(self, manifest: Object, *, manager: str, force: bool = False) -> Object:
        """Apply an object on the server side. Raises: ApiProblem."""
        meta = manifest["metadata"]
        options = {"fieldManager": manager, "force": str(force).lower()}
        path = self._path(manifest["kind"], meta["name"], meta.get("namespace"))
        return self._ask("PATCH", path, options, content=(APPLY, manifest))

    def patch(
        self, kind: str, name: str, body: Any, *, manager: str, namespace: str | None = None
    ) -> Object:
        """Patch an object as `kubectl patch` does. Raises: ApiProblem."""
        sort = MERGE if kind_of(kind).group == GATEWAY else STRATEGIC
        path = self._path(kind, name, namespace)
        return self._ask("PATCH", path, {"fieldManager": manager}, content=(sort, body))

    def delete(
        self,
        kind: str,
        name: str,
        *,
        namespace: str | None = None,
        grace_seconds: int | None = None,
    ) -> Object:
        """Delete an object; the response. Raises: ApiProblem."""
        options = {} if grace_seconds is None else {"gracePeriodSeconds": str(grace_seconds)}
        return self._ask("DELETE", self._path(kind, name, namespace), options)

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _path(self, name: str, obj: str, namespace: str | None) -> str:
        kind = kind_of(name)
        where = f"/namespaces/{namespace or self._namespace}" if kind.namespaced else ""
        return f"{_root(kind)}{where}/{kind.plural}/{obj}"

    def _ask(
        self,
        method: str,
        path: str,
        options: dict[str, str],
        content: tuple[str, Any] | None = None,
    ) -> Object:
        headers = {"content-type": content[0]} if content else {}
        answer = self._client.request(
            method, path, params=options, headers=headers, json=content[1] if content else None
        )
        body: Object = answer.json()
        if answer.is_error:
            raise ApiProblem(
                answer.status_code,
                body.get("reason", ""),
                body.get("message", ""),
                body.get("details"),
            )
        return body


def kubeconfig(url: str, account: str, token: str, *, namespace: str) -> Object:
    """A kubeconfig with a token."""
    context = {"cluster": "double", "user": account, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "double",
        "clusters": [{"name": "double", "cluster": {"server": url}}],
        "users": [{"name": account, "user": {"token": token}}],
        "contexts": [{"name": "double", "context": context}],
    }


def _root(kind: Kind) -> str:
    return f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
