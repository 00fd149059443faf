"""Create pods idempotently: a retry after a lost response finds the pod of the first request."""

from __future__ import annotations

from typing import Any

from airflow.providers.cncf.kubernetes.utils.pod_manager import PodManager, PodPhase
from kubernetes.client import ApiException, V1DeleteOptions, V1Preconditions  # noqa: TID253
from kubernetes.client import models as k8s  # noqa: TID253

from slipway.orchestration.pods.shape import ORIGIN

CONFLICT = 409


class PodLauncher(PodManager):
    """Airflow's launcher for pods with deterministic names."""

    def run_pod_async(self, pod: k8s.V1Pod, **kwargs: Any) -> k8s.V1Pod:
        """Create a pod, or return the running one of that name and the same try.

        An ended pod of that name, left by a deleted Airflow database, is deleted; the conflict is
        raised, and `create_pod` tries again.
        """
        try:
            return super().run_pod_async(pod, **kwargs)
        except ApiException as error:
            if error.status != CONFLICT:
                raise
            found = self._client.read_namespaced_pod(pod.metadata.name, pod.metadata.namespace)
            if found.status.phase in PodPhase.terminal_states:
                self._delete(found)
                raise
            if _origin(found) != _origin(pod):
                raise
            self.log.info(
                "The pod %s exists: the response to its creation was lost", found.metadata.name
            )
            return found

    def _delete(self, pod: k8s.V1Pod) -> None:
        only = V1Preconditions(uid=pod.metadata.uid)
        self._client.delete_namespaced_pod(
            pod.metadata.name, pod.metadata.namespace, body=V1DeleteOptions(preconditions=only)
        )


def _origin(pod: k8s.V1Pod) -> str | None:
    annotations: dict[str, str] = pod.metadata.annotations or {}
    return annotations.get(ORIGIN)
