"""A whole cluster in one process: API, kubelets, controllers and network."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.kubernetes_double.admin import Admin, kubeconfig
from tests.kubernetes_double.api.faults import LoggedRequest
from tests.kubernetes_double.api.object_store import Object, Objects
from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.context import ClusterContext, Pace
from tests.kubernetes_double.controllers.control_loop import Controllers
from tests.kubernetes_double.controllers.events import Recorder
from tests.kubernetes_double.controllers.scheduler import Scheduler
from tests.kubernetes_double.event_loop import EventLoop
from tests.kubernetes_double.kubelet.kubelet import Kubelets
from tests.kubernetes_double.kubelet.node_faults import FaultInjection
from tests.kubernetes_double.kubelet.processes import kill_marked
from tests.kubernetes_double.network.dns import Hosts
from tests.kubernetes_double.network.gateway import HOST, Gateway, gateway_objects
from tests.kubernetes_double.network.loopback_addresses import Addresses
from tests.kubernetes_double.network.services import Network

BASE = Path(__file__).parents[2] / "docker" / "kubernetes" / "base"
GIVEN = ("Namespace", "ServiceAccount", "Role", "RoleBinding")
POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
PARAMETERS = "slipway-policy"
SERVING, STAGES = "slipway-serving", "slipway-stages"
"""Namespaces of the base."""
Found = list[Object]


class Cluster(FaultInjection):
    """A double of a cluster; a context manager that leaves no process behind.

    Args:
        folder: Holds pods, logs, kubeconfigs and names.
        images: Images that can be pulled.
        gateway: Whether it has the Gateway API, and a Gateway.
        nodes: Names of its nodes.
        pace: Waits that are shorter than a real cluster's.
        base: Folder with the manifests of namespaces, accounts, roles and policies.
        namespace: Where objects are looked for unless another one is named.
    """

    def __init__(
        self,
        *,
        folder: Path,
        images: Iterable[str] = (),
        gateway: bool = False,
        nodes: Sequence[str] = ("node-a", "node-b"),
        pace: Pace | None = None,
        base: Path = BASE,
        namespace: str = SERVING,
    ) -> None:
        self.namespace = namespace
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._base = base
        self._pace = pace or Pace()
        self._tokens: dict[tuple[str, str], str] = {}
        self._addresses = Addresses()
        self._hosts = Hosts(self.folder / "hosts.json")
        self.environ: dict[str, str] = self._hosts.environ(self.namespace)
        self.images = set(images)
        self.objects = Objects()
        self._loop = EventLoop()
        self._recorder = Recorder(self.objects)
        cluster = ClusterContext(
            self.objects,
            self._recorder,
            self._addresses,
            self.folder,
            self.images,
            self.environ,
            self._kubeconfig,
            self._pace,
        )
        self.programs = cluster.programs
        self._kubelets = Kubelets(cluster, nodes)
        self.api = Api(
            self.objects,
            gateway=gateway,
            address_of_service=self._addresses.service,
            log_file=self._kubelets.log_file,
        )
        self._scheduler = Scheduler(self.objects, self._recorder)
        self._controllers = Controllers(self.objects, self._recorder)
        lag = self._pace.endpoint_seconds
        self._network = Network(self.objects, self._hosts, lag_seconds=lag)
        self._has_gateway = gateway
        self._gateway: Gateway | None = None
        self._gateway_port = 0
        self._gateway_address = self._addresses.service()

    def __enter__(self) -> Self:
        with ExitStack() as leaving:
            leaving.callback(self._addresses.release)
            self.api.start()
            leaving.callback(self.api.stop)
            self._loop.start()
            leaving.callback(self._loop.stop)
            leaving.callback(lambda: self._loop.wait_for(self._close()))
            self._admin = Admin(self.url, self._token("", "admin"), namespace=self.namespace)
            leaving.callback(self._admin.close)
            self._begin()
            self._leaving = leaving.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._leaving.close()
        left = kill_marked(lambda mark: mark.startswith(f"{self.folder}:"))
        faults = [*self._loop.faults, *self._kubelets.faults]
        if kind is None:
            assert not left, f"processes of pods were left: {left}"
            assert not faults, "\n".join(["the double failed:", *faults])

    def _begin(self) -> None:
        observers = (self._controllers, self._scheduler, self._kubelets, self._network)
        self._loop.add(*(each.observe for each in observers))
        self.objects.subscribe(self._loop.notify)
        self._loop.do(self._kubelets.register)
        for manifest in given(self._base, images=self.images):
            self.objects.create(manifest, manager="kubectl")
        if self._has_gateway:
            self._loop.wait_for(self._open_gateway())

    @property
    def url(self) -> str:
        """URL of the API."""
        return self.api.url

    @property
    def gateway_url(self) -> str:
        """URL of the Gateway; `gateway.infra` is its name, at the same port."""
        return f"http://{self._gateway_address}:{self._gateway_port}"

    @property
    def requests(self) -> list[LoggedRequest]:
        """Requests to the API: (method, path, account, status), oldest first."""
        return self.api.requests

    def kubeconfig(self, account: str = "slipway-rollout") -> Path:
        """A kubeconfig with the token of a service account, or of `admin`."""
        if account == "admin":
            return self._kubeconfig("", account)
        found = (one["metadata"] for one in self.objects.list("ServiceAccount"))
        where = {one["name"]: one["namespace"] for one in found}
        return self._kubeconfig(where.get(account, self.namespace), account)

    def connection(self, account: str = "slipway-airflow") -> str:
        """An Airflow connection, as an `AIRFLOW_CONN_…` variable holds it."""
        config = self.kubeconfig(account).read_text()
        extra = {"kube_config": config, "namespace": self.namespace}
        return json.dumps({"conn_type": "kubernetes", "extra": extra})

    def apply(self, manifest: Object, manager: str = "kubectl", *, force: bool = False) -> Object:
        """Apply an object as administrator. Raises: ApiProblem."""
        return self._admin.apply(manifest, manager=manager, force=force)

    def patch(
        self,
        kind: str,
        name: str,
        body: Any,
        manager: str = "kubectl-edit",
        *,
        namespace: str | None = None,
    ) -> Object:
        """Patch an object as administrator. Raises: ApiProblem."""
        return self._admin.patch(kind, name, body, manager=manager, namespace=namespace)

    def delete(
        self,
        kind: str,
        name: str,
        *,
        namespace: str | None = None,
        grace_seconds: int | None = None,
    ) -> None:
        """Delete an object as administrator. Raises: ApiProblem."""
        self._admin.delete(kind, name, namespace=namespace, grace_seconds=grace_seconds)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """An object, read without a request. Raises: ApiProblem: 404."""
        return self.objects.get(kind, self._where(namespace), name)

    def find(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """An object, or None."""
        return self.objects.find(kind, self._where(namespace), name)

    def list(self, kind: str, labels: Mapping[str, str] | None = None, **more: str) -> Found:
        """Objects of the namespace with some labels."""
        selector = ",".join(f"{key}={text}" for key, text in {**(labels or {}), **more}.items())
        return self.objects.list(kind, self.namespace, selector)

    def pods(self, labels: Mapping[str, str] | None = None, **more: str) -> Found:
        """Pods of the namespace with some labels."""
        return self.list("Pod", labels, **more)

    def events(self, name: str) -> Sequence[tuple[str, str]]:
        """Reason and message of each event about objects of a name, oldest first."""
        found = [
            event
            for event in self.objects.list("Event", self.namespace)
            if event["involvedObject"]["name"] == name
        ]
        found.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [(event["reason"], event["message"]) for event in found]

    def log(self, pod: str, container: str) -> str:
        """Output of a container without times; empty before its start."""
        path = self._kubelets.log_file(self.namespace, pod, container)
        if path is None or not path.exists():
            return ""
        lines = path.read_text(errors="replace").splitlines()
        return "\n".join(line.partition(" ")[2] for line in lines)

    def wait(self, what: str, holds: Callable[[], Any], *, seconds: float = 30) -> Any:
        """The first true result of `holds`; `what` names the condition in the error."""
        deadline = time.monotonic() + seconds
        while not (found := holds()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}\n{self._overview()}")
            time.sleep(0.05)
        return found

    def names(self) -> AbstractContextManager[None]:
        """Let this process resolve names of Services inside the context."""
        return self._hosts.in_this_process(self.namespace)

    def _where(self, namespace: str | None) -> str:
        return self.namespace if namespace is None else namespace

    def _token(self, namespace: str, account: str) -> str:
        key = (namespace, account)
        if key not in self._tokens:
            self._tokens[key] = self.api.access.token(account, namespace)
        return self._tokens[key]

    def _kubeconfig(self, namespace: str, account: str) -> Path:
        token = self._token(namespace, account)
        path = self.folder / f"kubeconfig-{namespace}-{account}.json"
        config = kubeconfig(self.url, account, token, namespace=self.namespace)
        path.write_text(json.dumps(config))
        return path

    def _overview(self) -> str:
        lines = []
        for pod in self.pods():
            status = pod.get("status", {})
            states = [each.get("state") for each in status.get("containerStatuses") or ()]
            lines.append(f"{pod['metadata']['name']}: {status.get('phase')} {states}")
        return "\n".join([*lines, *self._loop.faults, *self._kubelets.faults])

    async def _open_gateway(self) -> None:
        lag = self._pace.endpoint_seconds
        self._gateway = Gateway(self.objects, self._network, lag_seconds=lag)
        self._loop.add(self._gateway.observe)
        self._gateway_port = await self._gateway.start(self._gateway_address)
        self._hosts.fix(HOST, self._gateway_address)
        for manifest in gateway_objects():
            self.objects.create(manifest, manager="kubectl")

    async def _close(self) -> None:
        self._controllers.close()
        await self._kubelets.close()
        if self._gateway is not None:
            await self._gateway.close()
        await self._network.close()


def given(base: Path, *, images: Iterable[str]) -> Found:
    """Namespaces, accounts, roles and policies of a folder, in an order that can be created.

    Args:
        base: The folder.
        images: Images of pods, which the policies admit.
    """
    kinds = (*GIVEN, "ConfigMap", *POLICIES)
    found = [
        manifest
        for path in sorted(base.rglob("*.yaml"))
        for manifest in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader)
        if manifest and manifest.get("kind") in kinds
    ]
    admitted = " ".join(sorted({re.sub(r"(:[^/:@]+)?(@.*)?$", "", image) for image in images}))
    for manifest in found:
        if manifest["metadata"].get("name") == PARAMETERS:
            manifest["data"] |= {"stage-images": admitted, "server-images": admitted}
    return sorted(found, key=lambda manifest: kinds.index(manifest["kind"]))
