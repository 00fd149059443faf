"""The runs of one container by its pod's restart policy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.kubernetes_double.kubelet.containers import Container
from tests.kubernetes_double.kubelet.environment import BadContainerConfig
from tests.kubernetes_double.kubelet.image_pull import pull
from tests.kubernetes_double.kubelet.pod_sandbox import ContainerContext, PodContext
from tests.kubernetes_double.kubelet.probe_loop import ProbeLoop
from tests.kubernetes_double.kubelet.processes import NoCommand

# Minimum time of a container to end, also when its turn comes late.
LEAST_GRACE_S = 2


class Runner:
    """Runs one container again and again, while its pod lets it.

    Args:
        pod_context: The pod.
        container: The container.
    """

    def __init__(self, pod_context: PodContext, container: Container) -> None:
        self.container = container
        self._pod_context = pod_context
        self._pace = pod_context.cluster.pace
        self._container_context = ContainerContext(pod_context, container)
        self._probe_loop = ProbeLoop(pod_context, container, self._container_context)
        self._crashes = 0

    async def keep(self) -> int:
        """Run until the restart policy ends it; the last exit code."""
        while True:
            began = asyncio.get_running_loop().time()
            code = await self.once()
            if not self._goes_on(code):
                return code
            lived = asyncio.get_running_loop().time() - began
            await self._rest(lived)

    async def once(self) -> int:
        """Run once; the exit code."""
        await pull(self._pod_context, self.container)
        environ = await self._configured()
        name = self.container.name
        self._pod_context.record("Created", f"Created container: {name}")
        try:
            process = self._container_context.start(environ)
        except NoCommand as problem:
            self._pod_context.warn("Failed", f"Error: {problem}")
            self.container.end(128, "StartError", str(problem))
            self._pod_context.changed()
            return 128
        self.container.run_as(process)
        self._pod_context.record("Started", f"Started container {name}")
        self._pod_context.changed()
        watching = asyncio.create_task(self._probe_loop.watch(process))
        try:
            code = await process.wait()
        finally:
            watching.cancel()
            [fault] = await asyncio.gather(watching, return_exceptions=True)
        if isinstance(fault, Exception):
            raise fault
        self._ended(code)
        return code

    async def end(self, *, deadline: float, turn: Callable[[], Any] | None = None) -> None:
        """End it before a deadline of the loop: preStop, SIGTERM after `turn`, SIGKILL."""
        process = self.container.process
        if process is None:
            return
        loop = asyncio.get_running_loop()
        if deadline <= loop.time():
            self._ended(await process.kill())
            return
        self._pod_context.record("Killing", f"Stopping container {self.container.name}")
        if process.running:
            await self._pre_stop(deadline - loop.time())
        if turn is not None:
            await turn()
        left = max(LEAST_GRACE_S, deadline - loop.time())
        unhandled = self._pace.unhandled_term_seconds
        self._ended(await process.end(grace_seconds=left, unhandled_term_seconds=unhandled))

    async def _pre_stop(self, longest_seconds: float) -> None:
        """The container's preStop sleep; the double has no other hooks."""
        hook = (self.container.spec.get("lifecycle") or {}).get("preStop")
        if hook:
            longest = min(self._pace.hook_seconds, longest_seconds)
            await asyncio.sleep(min(float(hook["sleep"]["seconds"]), longest))

    def cut(self) -> None:
        """Kill it like a power failure."""
        if self.container.process is not None:
            self.container.process.cut()

    def _ended(self, code: int) -> None:
        if self.container.process is not None:
            self.container.end(code)
            self._pod_context.changed()

    def _goes_on(self, code: int) -> bool:
        policy = self._pod_context.pod["spec"].get("restartPolicy", "Always")
        if self.container.sidecar:
            return True
        if self.container.init or policy == "OnFailure":
            return code != 0 and policy != "Never"
        return bool(policy == "Always")

    async def _rest(self, lived: float) -> None:
        container, pace = self.container, self._pace
        # After a long life the next run starts at once.
        self._crashes = 0 if lived > 2 * pace.crash_most_seconds else self._crashes
        if self._crashes:
            pause = min(pace.crash_most_seconds, pace.crash_seconds * 2 ** (self._crashes - 1))
            real = min(300, 10 * 2 ** (self._crashes - 1))
            what = (
                f"restarting failed container={container.name} pod={self._pod_context.described()}"
            )
            container.back_off(f"back-off {_format_seconds(real)} {what}")
            self._pod_context.warn(
                "BackOff",
                f"Back-off restarting failed container {container.name} in pod "
                f"{self._pod_context.described()}",
            )
            self._pod_context.changed()
            await asyncio.sleep(pause)
        self._crashes += 1
        container.begin_again()

    async def _configured(self) -> dict[str, str]:
        while True:
            try:
                return self._container_context.environ()
            except BadContainerConfig as problem:
                self._pod_context.warn("Failed", f"Error: {problem}")
                self.container.wait_for("CreateContainerConfigError", str(problem))
                self._pod_context.changed()
                await asyncio.sleep(self._pace.pull_seconds)


def _format_seconds(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
