"""A whole cluster in one process: an API, and kubelets, controllers and a network behind it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.kubernetes_double.admin import Admin, kubeconfig
from tests.kubernetes_double.api.faults import Asked
from tests.kubernetes_double.api.object_store import Object, Objects
from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.context import Ground, Pace
from tests.kubernetes_double.controllers.control_loop import Controllers
from tests.kubernetes_double.controllers.events import Recorder
from tests.kubernetes_double.controllers.scheduler import Scheduler
from tests.kubernetes_double.event_loop import Plane
from tests.kubernetes_double.kubelet.kubelet import Kubelets
from tests.kubernetes_double.kubelet.node_faults import Troubles
from tests.kubernetes_double.kubelet.processes import kill_marked
from tests.kubernetes_double.network.dns import Hosts
from tests.kubernetes_double.network.gateway import HOST, Gateway, gateway_objects
from tests.kubernetes_double.network.loopback_addresses import Addresses
from tests.kubernetes_double.network.services import Network

BASE = Path(__file__).parents[2] / "docker" / "kubernetes" / "base"
GIVEN = ("Namespace", "ServiceAccount", "Role", "RoleBinding")
Found = list[Object]


class Cluster(Troubles):
    """An honest double of a cluster; a context manager, and no process outlives it.

    Args:
        folder: Where pods, logs, kubeconfigs and names lie.
        images: Those that can be pulled.
        gateway: Whether it has the Gateway API, and a Gateway.
        nodes: Names of its nodes.
        pace: How quick it is where a real cluster takes its time.
        base: Folder of manifests that its namespace, accounts and rights are taken from.
    """

    namespace = "slipway"

    def __init__(
        self,
        *,
        folder: Path,
        images: Iterable[str] = (),
        gateway: bool = False,
        nodes: Sequence[str] = ("node-a", "node-b"),
        pace: Pace | None = None,
        base: Path = BASE,
    ) -> None:
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
        self._plane = Plane()
        self.api = Api(
            self.objects,
            gateway=gateway,
            address_of_service=self._addresses.service,
            log_file=self._log_file,
        )
        self._recorder = Recorder(self.objects)
        ground = Ground(
            self.objects,
            self._recorder,
            self._addresses,
            self.folder,
            self.images,
            self.environ,
            self._kubeconfig,
            self._pace,
        )
        self._kubelets = Kubelets(ground, nodes)
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
            self._plane.start()
            leaving.callback(self._plane.stop)
            leaving.callback(lambda: self._plane.wait_for(self._close()))
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
        faults = [*self._plane.faults, *self._kubelets.faults]
        if kind is None:
            assert not left, f"processes of pods were left: {left}"
            assert not faults, "\n".join(["the double failed:", *faults])

    def _begin(self) -> None:
        observers = (self._controllers, self._scheduler, self._kubelets, self._network)
        self._plane.add(*(each.observe for each in observers))
        self.objects.subscribe(self._plane.tell)
        self._plane.do(self._kubelets.register)
        for manifest in _given(self._base):
            self.objects.create(manifest, manager="kubectl")
        if self._has_gateway:
            self._plane.wait_for(self._open_gateway())

    @property
    def url(self) -> str:
        """Where the API answers."""
        return self.api.url

    @property
    def gateway_url(self) -> str:
        """Where the Gateway answers; `gateway.infra` is its name, at the same port."""
        return f"http://{self._gateway_address}:{self._gateway_port}"

    @property
    def requests(self) -> list[Asked]:
        """What the API was asked: (method, path, account, status), oldest first."""
        return self.api.requests

    def kubeconfig(self, account: str = "slipway-rollout") -> Path:
        """A kubeconfig with the token of a service account, or of `admin`."""
        return self._kubeconfig("" if account == "admin" else self.namespace, account)

    def connection(self, account: str = "slipway-airflow") -> str:
        """An Airflow connection, as an `AIRFLOW_CONN_…` variable holds it."""
        config = self.kubeconfig(account).read_text()
        extra = {"kube_config": config, "namespace": self.namespace}
        return json.dumps({"conn_type": "kubernetes", "extra": extra})

    def apply(self, manifest: Object, manager: str = "kubectl", *, force: bool = False) -> Object:
        """The object after a server-side apply as admin. Raises: ApiProblem."""
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
        """The object after a patch as admin. Raises: ApiProblem."""
        return self._admin.patch(kind, name, body, manager=manager, namespace=namespace)

    def delete(
        self,
        kind: str,
        name: str,
        *,
        namespace: str | None = None,
        grace_seconds: int | None = None,
    ) -> None:
        """Delete an object as admin. Raises: ApiProblem."""
        self._admin.delete(kind, name, namespace=namespace, grace_seconds=grace_seconds)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """An object as it is now; no request is counted for it. Raises: ApiProblem: 404."""
        return self.objects.get(kind, self._where(namespace), name)

    def find(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """An object as it is now; None: it is not there."""
        return self.objects.find(kind, self._where(namespace), name)

    def list(self, kind: str, labels: Mapping[str, str] | None = None, **more: str) -> Found:
        """Objects of the namespace with these labels, as they are now."""
        selector = ",".join(f"{key}={text}" for key, text in {**(labels or {}), **more}.items())
        return self.objects.list(kind, self.namespace, selector)

    def pods(self, labels: Mapping[str, str] | None = None, **more: str) -> Found:
        """Pods of the namespace with these labels, as they are now."""
        return self.list("Pod", labels, **more)

    def events(self, name: str) -> Sequence[tuple[str, str]]:
        """Reason and message of each event about objects called so, oldest first."""
        found = [
            event
            for event in self.objects.list("Event", self.namespace)
            if event["involvedObject"]["name"] == name
        ]
        found.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [(event["reason"], event["message"]) for event in found]

    def log(self, pod: str, container: str, *, previous: bool = False) -> str:
        """What a container wrote, without the times; empty: nothing yet."""
        path = self._log_file(self.namespace, pod, container, previous)
        if path is None or not path.exists():
            return ""
        lines = path.read_text(errors="replace").splitlines()
        return "\n".join(line.partition(" ")[2] for line in lines)

    def wait(self, what: str, holds: Callable[[], Any], *, seconds: float = 30) -> Any:
        """What `holds` returns once that is true; `what` says what was waited for."""
        deadline = time.monotonic() + seconds
        while not (found := holds()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}\n{self._overview()}")
            time.sleep(0.05)
        return found

    def names(self) -> AbstractContextManager[None]:
        """While it is entered, this process, too, finds Services by their names."""
        return self._hosts.in_this_process(self.namespace)

    def name(self, host: str, address: str) -> None:
        """Give an address a name that pods can use, as a real cluster's DNS would."""
        self._hosts.fix(host, address)

    def processes(self) -> Sequence[int]:
        """First process of every container that runs."""
        return self._plane.do(self._kubelets.processes)

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

    def _log_file(self, namespace: str, pod: str, container: str, previous: bool) -> Path | None:  # noqa: FBT001 - as the API calls it
        return self._kubelets.log_file(namespace, pod, container, previous=previous)

    def _overview(self) -> str:
        lines = []
        for pod in self.pods():
            status = pod.get("status", {})
            states = [each.get("state") for each in status.get("containerStatuses") or ()]
            lines.append(f"{pod['metadata']['name']}: {status.get('phase')} {states}")
        return "\n".join([*lines, *self._plane.faults, *self._kubelets.faults])

    async def _open_gateway(self) -> None:
        lag = self._pace.endpoint_seconds
        self._gateway = Gateway(self.objects, self._network, lag_seconds=lag)
        self._plane.add(self._gateway.observe)
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


def _given(base: Path) -> Found:
    """Namespace, accounts and rights from a folder of manifests, in an order that can be made."""
    found = [
        manifest
        for path in sorted(base.glob("*.yaml"))
        for manifest in yaml.safe_load_all(path.read_text())
        if manifest and manifest.get("kind") in GIVEN
    ]
    return sorted(found, key=lambda manifest: GIVEN.index(manifest["kind"]))
