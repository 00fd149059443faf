"""Faults of a cluster on demand."""

from __future__ import annotations

from collections.abc import Mapping

from tests.kubernetes_double.api.faults import Fault
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.controllers.scheduler import Scheduler
from tests.kubernetes_double.event_loop import EventLoop
from tests.kubernetes_double.kubelet.kubelet import Kubelets

QUOTA = "quota-of-a-test"


class FaultInjection:
    """The methods of a cluster that inject faults; `Cluster` sets the attributes."""

    namespace: str
    images: set[str]
    api: Api
    objects: Objects
    _loop: EventLoop
    _kubelets: Kubelets
    _scheduler: Scheduler

    def fail(
        self,
        verb: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        *,
        status: int | None = None,
        times: int | None = 1,
        hang_seconds: float = 0,
        after: bool = False,
    ) -> None:
        """Inject a fault into requests to the API; see `Fault`."""
        self.api.fail(Fault(verb, kind, name, status, times, hang_seconds, after))

    def recover(self) -> None:
        """Remove all faults of requests."""
        self.api.faults.clear()

    def evict(self, pod: str) -> None:
        """Evict a pod from its node."""
        self._loop.do(lambda: self._kubelets.evict(self.namespace, pod))

    def oom(self, pod: str, container: str | None = None) -> None:
        """Kill a container as the kernel does without memory."""
        run = self._loop.do(lambda: self._kubelets.run_of(self.namespace, pod))
        self._loop.do(lambda: run.kill_for_memory(container))

    def lose_node(self, node: str) -> None:
        """Lose a node with all its pods."""
        self._loop.do(lambda: self._kubelets.lose(node))

    def restore_node(self, node: str) -> None:
        """Restore a lost node."""
        self._loop.do(lambda: self._kubelets.restore(node))

    def unschedulable(self, labels: Mapping[str, str] | None = None) -> None:
        """Let new pods with some labels find no room."""
        self._loop.do(lambda: self._scheduler.bar(labels or {}))

    def schedulable(self) -> None:
        """Let all pods find room again."""
        self._loop.do(self._scheduler.admit_all)

    def missing_image(self, image: str) -> None:
        """Let an image be missing from now on."""
        self.images.discard(image)

    def quota(self, pods: int | None = 0) -> None:
        """Limit the number of pods in the namespace; None: no limit."""
        if pods is None:
            self.objects.delete("ResourceQuota", self.namespace, QUOTA)
            return
        self.objects.create(
            {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": QUOTA, "namespace": self.namespace},
                "spec": {"hard": {"pods": str(pods)}},
            },
            manager="kubectl",
        )
