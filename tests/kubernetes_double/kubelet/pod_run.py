"""One pod on a node, from its volumes to its end."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.kubernetes_double.api.managed_fields import now
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.context import ClusterContext
from tests.kubernetes_double.kubelet.containers import Container
from tests.kubernetes_double.kubelet.pod_sandbox import BY, PodContext
from tests.kubernetes_double.kubelet.pod_status import ContainerStates, ForcedPhase, write
from tests.kubernetes_double.kubelet.restart_policy import Runner
from tests.kubernetes_double.kubelet.volumes import NotMounted, lay_out

MOUNT_AGAIN_S = 0.2


class PodRun:
    """One pod on a node; `run` is its whole life.

    Args:
        cluster: State that all pods share.
        pod: The pod, bound to a node.
    """

    def __init__(self, cluster: ClusterContext, pod: Mapping[str, Any]) -> None:
        self.uid = str(pod["metadata"]["uid"])
        self.name = str(pod["metadata"]["name"])
        self.namespace = str(pod["metadata"]["namespace"])
        self.node = str(pod["spec"]["nodeName"])
        self._cluster = cluster
        self._grace = float(pod["spec"].get("terminationGracePeriodSeconds", 30))
        self._asked = asyncio.Event()
        self._forced: ForcedPhase | None = None
        self._over = False
        self._silent = False
        self._started = now()
        self._seen = datetime.now(UTC)
        address = cluster.addresses.pod()
        self._pod = copy.deepcopy(dict(pod))
        self._pod.setdefault("status", {})["podIP"] = address
        self._pod["status"]["hostIP"] = "127.0.0.1"
        root = cluster.folder / "pods" / self.uid[:13]
        self._pod_context = PodContext(cluster, self._pod, address, root, {}, self._publish)
        spec = pod["spec"]
        self._inits = self._runners(spec.get("initContainers") or (), init=True)
        self._mains = self._runners(spec["containers"], init=False)
        waits = "PodInitializing" if self._inits else "ContainerCreating"
        for runner in (*self._inits, *self._mains):
            runner.container.wait_for(waits)

    async def run(self) -> None:
        """Run the pod until all its containers have ended."""
        self._publish()
        life = asyncio.create_task(self._live())
        asked = asyncio.create_task(self._asked.wait())
        timer = self._deadline()
        try:
            await asyncio.wait({life, asked}, return_when=asyncio.FIRST_COMPLETED)
            for task in (life, asked):
                task.cancel()
            [fault, _] = await asyncio.gather(life, asked, return_exceptions=True)
            if isinstance(fault, Exception):
                raise fault
            await self._end()
        finally:
            if timer is not None:
                timer.cancel()
        self._over = True
        self._publish()

    def stop(
        self, *, grace_seconds: float | None = None, forced: ForcedPhase | None = None
    ) -> None:
        """End the pod within some seconds; None: its grace period."""
        if self._forced is None:
            self._forced = forced
        if grace_seconds is not None:
            self._grace = min(self._grace, grace_seconds) if self._asked.is_set() else grace_seconds
        self._asked.set()

    def cut(self) -> None:
        """Kill the pod like a power failure: without a status update."""
        self._silent = True
        for runner in (*self._inits, *self._mains):
            runner.cut()
        self.stop(grace_seconds=0)

    def kill_for_memory(self, name: str | None) -> None:
        """Kill one container for lack of memory; None: the first that runs."""
        for runner in (*self._mains, *self._inits):
            process = runner.container.process
            if process is not None and name in (None, runner.container.name):
                process.killed_for_memory = True
                process.cut()
                return

    def log_file(self, name: str) -> Path | None:
        """Log file of a container's current run; None: no such container."""
        for runner in (*self._inits, *self._mains):
            container = runner.container
            if container.name == name:
                return container.logs / f"{container.restarts}.log"
        return None

    def clear(self) -> None:
        """Remove its volumes."""
        shutil.rmtree(self._pod_context.root, ignore_errors=True)

    def _runners(self, specs: Sequence[Mapping[str, Any]], *, init: bool) -> list[Runner]:
        return [
            Runner(
                self._pod_context,
                Container(spec, init=init, logs=self._cluster.logs(self.uid, spec["name"])),
            )
            for spec in specs
        ]

    async def _live(self) -> None:
        await self._mount()
        async with asyncio.TaskGroup() as group:
            kept = []
            for runner in self._inits:
                if runner.container.sidecar:
                    kept.append(group.create_task(runner.keep()))
                    await runner.container.up.wait()
                elif await runner.keep():
                    self._drop(kept)
                    return
            await asyncio.gather(*(group.create_task(runner.keep()) for runner in self._mains))
            self._drop(kept)

    def _drop(self, tasks: Sequence[asyncio.Task[int]]) -> None:
        for task in tasks:
            task.cancel()

    async def _mount(self) -> None:
        (self._pod_context.root / "tmp").mkdir(parents=True, exist_ok=True)
        while True:
            try:
                self._pod_context.folders.update(
                    lay_out(
                        self._pod["spec"].get("volumes") or (),
                        self._pod_context.root / "volumes",
                        self._pod_context.get,
                        claims=self._cluster.folder / "claims" / self.namespace,
                    )
                )
            except NotMounted as problem:
                self._cluster.recorder.warning(self._pod, "FailedMount", str(problem), by=BY)
                await asyncio.sleep(MOUNT_AGAIN_S)
            else:
                return

    def _deadline(self) -> asyncio.TimerHandle | None:
        seconds = self._pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return None
        message = "Pod was active on the node longer than the specified deadline"
        forced = ForcedPhase("Failed", "DeadlineExceeded", message)

        def pass_it() -> None:
            self._cluster.recorder.normal(self._pod, "DeadlineExceeded", message, by=BY)
            self.stop(forced=forced)

        return asyncio.get_running_loop().call_later(float(seconds), pass_it)

    async def _end(self) -> None:
        """End the containers together, then the sidecars, last one first."""
        deadline = asyncio.get_running_loop().time() + self._grace
        plain = [runner for runner in self._inits if not runner.container.sidecar]
        before = [
            asyncio.create_task(runner.end(deadline=deadline)) for runner in (*plain, *self._mains)
        ]
        for runner in reversed([each for each in self._inits if each.container.sidecar]):
            waits = list(before)
            before.append(asyncio.create_task(runner.end(deadline=deadline, turn=_after(waits))))
        await asyncio.gather(*before)

    def _publish(self) -> None:
        if self._silent:
            return
        states = ContainerStates(
            [runner.container for runner in self._inits],
            [runner.container for runner in self._mains],
            self._pod_context.address,
            self._started,
            self._forced,
            self._over,
        )
        # A forced deletion does not wait for the kubelet's last update.
        with contextlib.suppress(ApiProblem):
            self._cluster.objects.change(
                "Pod",
                self.namespace,
                self.name,
                lambda pod: write(pod, states) if pod["metadata"]["uid"] == self.uid else None,
                manager="kubelet",
                subresource="status",
            )


def _after(tasks: Sequence[asyncio.Task[None]]) -> Any:
    async def turn() -> None:
        if tasks:
            await asyncio.wait(tasks)

    return turn
