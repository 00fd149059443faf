"""One container kept running as its pod's restart policy says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.kubernetes_double.kubelet.containers import Container
from tests.kubernetes_double.kubelet.environment import BadContainerConfig
from tests.kubernetes_double.kubelet.image_pull import pull
from tests.kubernetes_double.kubelet.pod_sandbox import Place, Surroundings
from tests.kubernetes_double.kubelet.probe_loop import Probing
from tests.kubernetes_double.kubelet.processes import NoCommand

# A container has at least so long to end, however late its turn comes.
LEAST_GRACE_S = 2


class Runner:
    """Runs one container again and again; its pod says when to begin and when to stop.

    Args:
        place: The pod.
        container: The container.
    """

    def __init__(self, place: Place, container: Container) -> None:
        self.container = container
        self._place = place
        self._pace = place.ground.pace
        self._around = Surroundings(place, container)
        self._probing = Probing(place, container, self._around)
        self._crashes = 0

    async def keep(self) -> int:
        """Exit code of the last run, after which there is no other."""
        while True:
            began = asyncio.get_running_loop().time()
            code = await self.once()
            if not self._goes_on(code):
                return code
            lived = asyncio.get_running_loop().time() - began
            await self._rest(lived)

    async def once(self) -> int:
        """Exit code of one run."""
        await pull(self._place, self.container)
        environ = await self._configured()
        name = self.container.name
        self._place.tell("Created", f"Created container: {name}")
        try:
            process = self._around.start(environ)
        except NoCommand as problem:
            self._place.warn("Failed", f"Error: {problem}")
            self.container.end(128, "StartError", str(problem))
            self._place.changed()
            return 128
        self.container.run_as(process)
        self._place.tell("Started", f"Started container {name}")
        self._place.changed()
        watching = asyncio.create_task(self._probing.watch(process))
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
        """End it by that time of the loop: preStop, SIGTERM when its turn has come, SIGKILL."""
        process = self.container.process
        if process is None:
            return
        loop = asyncio.get_running_loop()
        if deadline <= loop.time():
            self._ended(await process.kill())
            return
        self._place.tell("Killing", f"Stopping container {self.container.name}")
        if process.running:
            longest = min(self._pace.hook_seconds, deadline - loop.time())
            await self._probing.hook("preStop", longest)
        if turn is not None:
            await turn()
        left = max(LEAST_GRACE_S, deadline - loop.time())
        deaf = self._pace.deaf_seconds
        self._ended(await process.end(grace_seconds=left, deaf_seconds=deaf))

    def cut(self) -> None:
        """Kill it as a power failure does."""
        if self.container.process is not None:
            self.container.process.cut()

    def _ended(self, code: int) -> None:
        if self.container.process is not None:
            self.container.end(code)
            self._place.changed()

    def _goes_on(self, code: int) -> bool:
        policy = self._place.pod["spec"].get("restartPolicy", "Always")
        if self.container.sidecar:
            return True
        if self.container.init or policy == "OnFailure":
            return code != 0 and policy != "Never"
        return bool(policy == "Always")

    async def _rest(self, lived: float) -> None:
        container, pace = self.container, self._pace
        # The first run after a long life starts at once.
        self._crashes = 0 if lived > 2 * pace.crash_most_seconds else self._crashes
        if self._crashes:
            pause = min(pace.crash_most_seconds, pace.crash_seconds * 2 ** (self._crashes - 1))
            real = min(300, 10 * 2 ** (self._crashes - 1))
            what = f"restarting failed container={container.name} pod={self._place.spoken()}"
            container.back_off(f"back-off {_spoken(real)} {what}")
            self._place.warn(
                "BackOff",
                f"Back-off restarting failed container {container.name} in pod "
                f"{self._place.spoken()}",
            )
            self._place.changed()
            await asyncio.sleep(pause)
        self._crashes += 1
        container.begin_again()

    async def _configured(self) -> dict[str, str]:
        while True:
            try:
                return self._around.environ()
            except BadContainerConfig as problem:
                self._place.warn("Failed", f"Error: {problem}")
                self.container.wait_for("CreateContainerConfigError", str(problem))
                self._place.changed()
                await asyncio.sleep(self._pace.pull_seconds)


def _spoken(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
