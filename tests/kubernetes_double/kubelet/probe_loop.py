"""The probes of one container while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.kubernetes_double.kubelet.containers import Container
from tests.kubernetes_double.kubelet.pod_sandbox import ContainerContext, PodContext
from tests.kubernetes_double.kubelet.probes import ask, patience
from tests.kubernetes_double.kubelet.processes import Process


class ProbeLoop:
    """Runs a container's probes, and sets it started, ready, or ends it.

    Args:
        pod_context: The pod.
        container: The container.
        container_context: Its environment and commands.
    """

    def __init__(
        self, pod_context: PodContext, container: Container, container_context: ContainerContext
    ) -> None:
        self._pod_context = pod_context
        self._container = container
        self._spec = container.spec
        self._target = container_context.target
        self._timing = pod_context.cluster.pace.probes
        self._ending: set[asyncio.Task[int]] = set()

    async def watch(self, process: Process) -> None:
        """Probe during one run."""
        container = self._container
        startup = self._spec.get("startupProbe")
        if startup and not await self._has_started(startup, process):
            return
        container.started = True
        container.ready = "readinessProbe" not in self._spec
        container.up.set()
        self._pod_context.changed()
        await asyncio.gather(self._ask_readiness(), self._ask_liveness(process))

    async def _has_started(self, probe: Mapping[str, Any], process: Process) -> bool:
        await asyncio.sleep(self._timing.delay(probe))
        bad_since: float | None = None
        while await self._is_bad(probe, "Startup"):
            bad_since = _now() if bad_since is None else bad_since
            if _now() - bad_since >= patience(probe):
                self._end_for(process, probe, "startup")
                return False
            await asyncio.sleep(self._timing.pause(probe))
        return True

    async def _ask_liveness(self, process: Process) -> None:
        probe = self._spec.get("livenessProbe")
        if not probe:
            return
        await asyncio.sleep(self._timing.delay(probe))
        await self._until_bad(probe, "Liveness")
        self._end_for(process, probe, "liveness")

    async def _ask_readiness(self) -> None:
        probe, container = self._spec.get("readinessProbe"), self._container
        if not probe:
            return
        await asyncio.sleep(self._timing.delay(probe))
        while True:
            await self._until_good(probe, "Readiness")
            container.ready = True
            self._pod_context.changed()
            await self._until_bad(probe, "Readiness")
            container.ready = False
            self._pod_context.changed()

    async def _until_good(self, probe: Mapping[str, Any], title: str) -> None:
        """Return once a probe succeeds."""
        while await self._is_bad(probe, title):  # noqa: ASYNC110 - a probe has no event to wait for
            await asyncio.sleep(self._timing.pause(probe))

    async def _until_bad(self, probe: Mapping[str, Any], title: str) -> None:
        """Return once a probe has failed for as long as its manifest allows."""
        bad_since: float | None = None
        while True:
            await asyncio.sleep(self._timing.pause(probe))
            if not await self._is_bad(probe, title):
                bad_since = None
                continue
            bad_since = _now() if bad_since is None else bad_since
            if _now() - bad_since >= patience(probe):
                return

    async def _is_bad(self, probe: Mapping[str, Any], title: str) -> bool:
        problem = await ask(probe, self._target())
        if problem is not None:
            self._pod_context.warn("Unhealthy", f"{title} probe failed: {problem}")
        return problem is not None

    def _end_for(self, process: Process, probe: Mapping[str, Any], title: str) -> None:
        name = self._container.name
        self._pod_context.record(
            "Killing", f"Container {name} failed {title} probe, will be restarted"
        )
        spec, unhandled = (
            self._pod_context.pod["spec"],
            self._pod_context.cluster.pace.unhandled_term_seconds,
        )
        grace = float(
            probe.get(
                "terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30)
            )
        )
        # The end of the run cancels its probes, so the ending is a task of its own.
        task = asyncio.create_task(
            process.end(grace_seconds=grace, unhandled_term_seconds=unhandled)
        )
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _now() -> float:
    return asyncio.get_running_loop().time()
