"""What can go wrong in a cluster, on demand."""

from __future__ import annotations

from collections.abc import Mapping

from tests.kubernetes_double.api.faults import Fault
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.controllers.scheduler import Scheduler
from tests.kubernetes_double.event_loop import Plane
from tests.kubernetes_double.kubelet.kubelet import Kubelets

QUOTA = "quota-of-a-test"


class Troubles:
    """The part of a cluster that lets things go wrong; what it works on, the cluster sets."""

    namespace: str
    images: set[str]
    api: Api
    objects: Objects
    _plane: Plane
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
        """Let requests to the API go wrong; see `Fault`."""
        self.api.fail(Fault(verb, kind, name, status, times, hang_seconds, after))

    def recover(self) -> None:
        """Let no request go wrong any more."""
        self.api.faults.clear()

    def drop_watches(self) -> int:
        """Cut every open watch; how many there were."""
        return self.api.drop_watches()

    def evict(self, pod: str) -> None:
        """Let a node throw a pod out."""
        self._plane.do(lambda: self._kubelets.evict(self.namespace, pod))

    def oom(self, pod: str, container: str | None = None) -> None:
        """Let the kernel kill a container for its memory."""
        run = self._plane.do(lambda: self._kubelets.run_of(self.namespace, pod))
        self._plane.do(lambda: run.kill_for_memory(container))

    def lose_node(self, node: str) -> None:
        """Take a node away, with all that runs on it."""
        self._plane.do(lambda: self._kubelets.lose(node))

    def restore_node(self, node: str) -> None:
        """Give a lost node back."""
        self._plane.do(lambda: self._kubelets.restore(node))

    def unschedulable(self, labels: Mapping[str, str] | None = None) -> None:
        """Find no room for new pods with these labels."""
        self._plane.do(lambda: self._scheduler.bar(labels or {}))

    def schedulable(self) -> None:
        """Find room for every pod again."""
        self._plane.do(self._scheduler.admit_all)

    def missing_image(self, image: str) -> None:
        """Let an image be pulled no longer."""
        self.images.discard(image)

    def quota(self, pods: int | None = 0) -> None:
        """Let the namespace have so many pods at most; None: as many as it likes."""
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
