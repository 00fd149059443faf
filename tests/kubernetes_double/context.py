"""State that all pods of a cluster share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.controllers.events import Recorder
from tests.kubernetes_double.kubelet.probes import Timing
from tests.kubernetes_double.network.loopback_addresses import Addresses


@dataclass(frozen=True)
class Pace:
    """Waits of the double that are shorter than a real cluster's.

    Args:
        probes: Period of probes.
        crash_seconds: First pause before a container that ended starts again; then doubled.
        crash_most_seconds: Longest such pause.
        pull_seconds: First pause before an image is pulled again; then doubled.
        pull_most_seconds: Longest such pause.
        unhandled_term_seconds: Life of a container after SIGTERM that it does not handle.
        hook_seconds: Longest preStop sleep.
        endpoint_seconds: Delay of addresses and routes after a change.
    """

    probes: Timing = field(default_factory=Timing)
    crash_seconds: float = 0.5
    crash_most_seconds: float = 5.0
    pull_seconds: float = 0.5
    pull_most_seconds: float = 5.0
    unhandled_term_seconds: float = 2.0
    hook_seconds: float = 1.0
    endpoint_seconds: float = 0.05


@dataclass(frozen=True)
class ClusterContext:
    """State that all pods of a cluster share.

    Args:
        objects: All objects.
        recorder: Writes events.
        addresses: Allocates addresses.
        folder: Holds pods, logs and kubeconfigs.
        images: Images that can be pulled.
        environ: Environment variables of every container.
        kubeconfig: Path of a service account's kubeconfig, by namespace and account.
        pace: Waits.
        programs: Images in which `slipway` is another program, and what runs then.
    """

    objects: Objects
    recorder: Recorder
    addresses: Addresses
    folder: Path
    images: set[str]
    environ: dict[str, str]
    kubeconfig: Callable[[str, str], Path]
    pace: Pace
    programs: dict[str, list[str]] = field(default_factory=dict)

    def logs(self, pod_uid: str, container: str) -> Path:
        """Folder of a container's logs: `0.log` of its first run, `1.log` of its next."""
        return self.folder / "logs" / pod_uid / container
