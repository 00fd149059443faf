"""Addresses and names of Services, updated with their pods."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.controllers.endpoints import chosen as chosen_pods
from tests.kubernetes_double.controllers.endpoints import endpoint_slice, headless, is_ready, ready
from tests.kubernetes_double.network.dns import Hosts
from tests.kubernetes_double.network.kube_proxy import Endpoint, Forwarder

BY = "endpointslice-controller"


class Network:
    """Follows Services and pods, in the event loop.

    Args:
        objects: All objects.
        hosts: Names of Services.
        lag_seconds: Delay after a change.
    """

    def __init__(self, objects: Objects, hosts: Hosts, *, lag_seconds: float) -> None:
        self._objects = objects
        self._hosts = hosts
        self._lag = lag_seconds
        self._services: dict[tuple[str, str], dict[str, Any]] = {}
        self._pods: dict[str, dict[str, Any]] = {}
        self._forwarders: dict[tuple[str, int], Forwarder] = {}
        self._due: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def observe(self, change: str, obj: dict[str, Any]) -> None:
        """Record a changed Service or pod; update soon."""
        meta = obj["metadata"]
        if obj["kind"] == "Service":
            _keep(self._services, (meta["namespace"], meta["name"]), obj, change)
        elif obj["kind"] == "Pod":
            _keep(self._pods, meta["uid"], obj, change)
        else:
            return
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(self._lag, self._follow_soon)

    def service(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """A Service, or None."""
        return self._services.get((namespace, name))

    def ready(self, namespace: str, name: str, port: int) -> list[Endpoint]:
        """Endpoints of a Service's port."""
        service = self._services.get((namespace, name))
        for held in (service or {}).get("spec", {}).get("ports") or ():
            if service is not None and held["port"] == port:
                return ready(service, self._pods.values(), held)
        return []

    async def close(self) -> None:
        """Cut all connections."""
        if self._due is not None:
            self._due.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for forwarder in self._forwarders.values():
            await forwarder.close()

    def _follow_soon(self) -> None:
        self._due = None
        task = asyncio.create_task(self._follow())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self) -> None:
        async with self._turn:
            services = list(self._services.values())
            self._hosts.replace({_name(each): self._addresses(each) for each in services})
            wanted = {}
            for service in services:
                if headless(service) or not service["spec"].get("clusterIP"):
                    continue
                for port in service["spec"].get("ports") or ():
                    wanted[service["spec"]["clusterIP"], int(port["port"])] = ready(
                        service, self._pods.values(), port
                    )
            for key in set(self._forwarders) - set(wanted):
                await self._forwarders.pop(key).close()
            for key, endpoints in wanted.items():
                forwarder = self._forwarders.setdefault(key, Forwarder(*key))
                await forwarder.use(endpoints)
            for service in services:
                self._show(service)

    def _addresses(self, service: Mapping[str, Any]) -> list[str]:
        if not headless(service):
            address = service["spec"].get("clusterIP")
            return [address] if address else []
        pods = chosen_pods(service, self._pods.values())
        return sorted(pod["status"]["podIP"] for pod in pods if is_ready(pod))

    def _show(self, service: Mapping[str, Any]) -> None:
        if not service["spec"].get("selector"):
            return
        fresh = endpoint_slice(service, list(self._pods.values()))
        meta = fresh["metadata"]
        # The Service and its namespace may have been deleted meanwhile.
        with contextlib.suppress(ApiProblem):
            if self._objects.find("EndpointSlice", meta["namespace"], meta["name"]) is None:
                self._objects.create(fresh, manager=BY)
            else:
                self._objects.update(fresh, manager=BY)


def _keep(held: dict[Any, dict[str, Any]], key: Any, obj: dict[str, Any], change: str) -> None:
    if change == "DELETED":
        held.pop(key, None)
    else:
        held[key] = obj


def _name(service: Mapping[str, Any]) -> str:
    return f"{service['metadata']['name']}.{service['metadata']['namespace']}"
