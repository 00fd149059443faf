"""What the probes of one container bring about while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.kubernetes_double.kubelet.containers import Container
from tests.kubernetes_double.kubelet.pod_sandbox import Place, Surroundings
from tests.kubernetes_double.kubelet.probes import ask, patience, run_hook
from tests.kubernetes_double.kubelet.processes import Process


class Probing:
    """Asks a container's probes; says when it has started, is ready, or has to go.

    Args:
        place: The pod.
        container: The container.
        surroundings: What it finds.
    """

    def __init__(self, place: Place, container: Container, surroundings: Surroundings) -> None:
        self._place = place
        self._container = container
        self._spec = container.spec
        self._target = surroundings.target
        self._timing = place.ground.pace.probes
        self._dooms: set[asyncio.Task[int]] = set()

    async def watch(self, process: Process) -> None:
        """Ask for as long as one run lasts."""
        container = self._container
        await self.hook("postStart", self._place.ground.pace.hook_seconds)
        startup = self._spec.get("startupProbe")
        if startup and not await self._has_started(startup, process):
            return
        container.started = True
        container.ready = "readinessProbe" not in self._spec
        container.up.set()
        self._place.changed()
        await asyncio.gather(self._ask_readiness(), self._ask_liveness(process))

    async def hook(self, name: str, longest_seconds: float) -> None:
        """Do what the container wants done at such a moment, if anything."""
        hook = (self._spec.get("lifecycle") or {}).get(name)
        if hook:
            await run_hook(hook, self._target(), longest_seconds=longest_seconds)

    async def _has_started(self, probe: Mapping[str, Any], process: Process) -> bool:
        await asyncio.sleep(self._timing.delay(probe))
        bad_since: float | None = None
        while await self._is_bad(probe, "Startup"):
            bad_since = _now() if bad_since is None else bad_since
            if _now() - bad_since >= patience(probe):
                self._doom(process, probe, "startup")
                return False
            await asyncio.sleep(self._timing.pause(probe))
        return True

    async def _ask_liveness(self, process: Process) -> None:
        probe = self._spec.get("livenessProbe")
        if not probe:
            return
        await asyncio.sleep(self._timing.delay(probe))
        await self._until_bad(probe, "Liveness")
        self._doom(process, probe, "liveness")

    async def _ask_readiness(self) -> None:
        probe, container = self._spec.get("readinessProbe"), self._container
        if not probe:
            return
        await asyncio.sleep(self._timing.delay(probe))
        while True:
            await self._until_good(probe, "Readiness")
            container.ready = True
            self._place.changed()
            await self._until_bad(probe, "Readiness")
            container.ready = False
            self._place.changed()

    async def _until_good(self, probe: Mapping[str, Any], title: str) -> None:
        """Return once a probe is good."""
        while await self._is_bad(probe, title):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(self._timing.pause(probe))

    async def _until_bad(self, probe: Mapping[str, Any], title: str) -> None:
        """Return once a probe has failed for as long as its manifest lets it."""
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
            self._place.warn("Unhealthy", f"{title} probe failed: {problem}")
        return problem is not None

    def _doom(self, process: Process, probe: Mapping[str, Any], title: str) -> None:
        name = self._container.name
        self._place.tell("Killing", f"Container {name} failed {title} probe, will be restarted")
        spec, deaf = self._place.pod["spec"], self._place.ground.pace.deaf_seconds
        grace = float(
            probe.get(
                "terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30)
            )
        )
        # The run that this ends cancels who asks its probes, so the ending is nobody's child.
        task = asyncio.create_task(process.end(grace_seconds=grace, deaf_seconds=deaf))
        self._dooms.add(task)
        task.add_done_callback(self._dooms.discard)


def _now() -> float:
    return asyncio.get_running_loop().time()
