"""The suite's cluster on any real one: a namespace of its own, by a kubeconfig with rights."""

from __future__ import annotations

import base64
import json
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from tests.integration.api import BINDING, POLICY, Api
from tests.integration.manifests import foundation
from tests.integration.port_forward import Forward
from tests.integration.suite_cluster import HOMES, PARTS, namespace_of

TOKEN_SECONDS = 4 * 3600
GONE_WITHIN_S = 300.0
COUNTED_WITHIN_S = 60.0
POLICIES = (BINDING, POLICY)


class RealCluster:
    """The suite's cluster on a real one.

    Args:
        admin: API client with the rights of the given kubeconfig.
        image: That the cluster can pull, or has.
        files: The given kubeconfig.
        folder: Holds kubeconfigs of service accounts, readable by this user only.
        gateway: The spec's `gateway`.
        leaving: Closes the forwarded ports.
    """

    patience_s, tries = 900.0, 3

    def __init__(
        self,
        admin: Api,
        *,
        image: str,
        files: str,
        folder: Path,
        gateway: dict[str, str] | None,
        leaving: ExitStack,
    ) -> None:
        self.admin, self.namespace, self.image = admin, admin.namespace, image
        self.gateway = gateway
        self._files = files
        self._folder = folder
        self._leaving = leaving
        self._forwards: dict[tuple[str, int], Forward] = {}

    def kubeconfig(self, account: str) -> Path:
        """A kubeconfig with a token of the TokenRequest API."""
        path = self._folder / f"{account}.json"
        if not path.exists():
            home = self.admin.at(namespace_of(self.namespace, HOMES[account]))
            token = home.token(account, seconds=TOKEN_SECONDS)
            path.touch(mode=0o600)
            path.write_text(json.dumps(self._config(account, token)))
        return path

    def here(self, service: str, port: int) -> str:
        """URL of a local port that `kubectl port-forward` connects to the Service."""
        key = (service, port)
        if key not in self._forwards:
            forward = Forward(self._files, self.namespace, service, port)
            self._forwards[key] = self._leaving.enter_context(forward)
        return self._forwards[key].url

    def lacks_memory(self, pod: str) -> None:
        """Do nothing: the kernel kills the container."""

    def counted(self, quota: str) -> None:
        """Return once the quota's controller has counted for the first time."""

        def status() -> Any:
            stages = self.admin.at(namespace_of(self.namespace, "stages"))
            found = stages.find("ResourceQuota", quota) or {}
            return (found.get("status") or {}).get("used")

        self.admin.wait(f"the status of {quota}", status, seconds=COUNTED_WITHIN_S)
        # Every API server sees the quota a moment later.
        time.sleep(2)

    def _config(self, account: str, token: str) -> dict[str, Any]:
        """A kubeconfig for the same server with another user."""
        known = self.admin.configuration
        cluster: dict[str, Any] = {"server": known.host}
        if not known.verify_ssl:
            cluster["insecure-skip-tls-verify"] = True
        elif known.ssl_ca_cert:
            authority = Path(known.ssl_ca_cert).read_bytes()
            cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
        if getattr(known, "tls_server_name", None):
            cluster["tls-server-name"] = known.tls_server_name
        if getattr(known, "proxy", None):
            cluster["proxy-url"] = known.proxy
        context = {"cluster": "real", "user": account, "namespace": self.namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "real",
            "clusters": [{"name": "real", "cluster": cluster}],
            "users": [{"name": account, "user": {"token": token}}],
            "contexts": [{"name": "real", "context": context}],
        }


@contextmanager
def real(
    kubeconfig: str,
    folder: Path,
    *,
    image: str | None,
    gateway: str | None,
    keep: Callable[[str], None] | None,
) -> Iterator[RealCluster]:
    """New namespaces of a real cluster; they are deleted afterwards.

    Args:
        kubeconfig: File, or files as `KUBECONFIG` lists them.
        folder: Holds tokens.
        image: That the cluster can pull, or has.
        gateway: `NAMESPACE/NAME=URL` of a Gateway; None: none is used.
        keep: Called with the command that deletes what stays; None: it is deleted.
    """
    if not image:
        pytest.exit("hint: name an image: make integration KUBECONFIG=… IMAGE=…", returncode=2)
    if shutil.which("kubectl") is None:
        pytest.exit("hint: install kubectl: it forwards ports of the cluster", returncode=2)
    namespace = f"slipway-it-{uuid.uuid4().hex[:8]}"
    folder.chmod(0o700)
    with ExitStack() as leaving:
        admin = leaving.enter_context(_admin(kubeconfig, namespace))
        leaving.callback(_leave, admin, keep)
        yield RealCluster(
            admin,
            image=image,
            files=kubeconfig,
            folder=folder,
            gateway=_gateway(gateway),
            leaving=leaving.enter_context(ExitStack()),
        )


def _admin(kubeconfig: str, namespace: str) -> Api:
    """The API client; exit with status 2 without an answer or without the needed rights."""
    try:
        admin = Api(kubeconfig, namespace=namespace)
        allowed = admin.may("create", "namespaces")
    except (ConfigException, ApiException, HTTPError, OSError) as error:
        pytest.exit(f"no cluster answers by the kubeconfig {kubeconfig}: {error}", returncode=2)
    if not allowed:
        reason = "the kubeconfig may not make namespaces; see docs/guides/kubernetes.md"
        pytest.exit(reason, returncode=2)
    return admin


def _leave(admin: Api, keep: Callable[[str], None] | None) -> None:
    names = [namespace_of(admin.namespace, part) for part in PARTS]
    policies = [one for one in foundation(admin.namespace, image="-") if one["kind"] in POLICIES]
    if keep is not None:
        found = " ".join(f"{one['kind']}/{one['metadata']['name']}" for one in policies)
        keep(f"kubectl delete {found} {' '.join(f'namespace/{one}' for one in names)}")
        return
    for one in policies:
        admin.delete(one["kind"], one["metadata"]["name"])
    for name in names:
        admin.delete("Namespace", name)
    admin.wait(
        "the end of the namespaces",
        lambda: all(admin.find("Namespace", name) is None for name in names),
        seconds=GONE_WITHIN_S,
    )


def _gateway(given: str | None) -> dict[str, str] | None:
    if not given:
        return None
    where, separator, url = given.partition("=")
    namespace, slash, name = where.partition("/")
    if not separator or not slash:
        pytest.exit("expected GATEWAY=NAMESPACE/NAME=URL", returncode=2)
    return {"name": name, "namespace": namespace, "url": url}
