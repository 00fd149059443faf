"""What every pod of the cluster stands on."""

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
    """How quick the double is where a real cluster takes its time.

    Args:
        probes: How often probes are asked.
        crash_seconds: First pause before a container that ended starts again; then doubled.
        crash_most_seconds: Longest such pause.
        pull_seconds: First pause before an image is pulled again; then doubled.
        pull_most_seconds: Longest such pause.
        deaf_seconds: How long a container that does not listen to SIGTERM lives after it.
        hook_seconds: Longest life-cycle hook, preStop's sleep among them.
        endpoint_seconds: Until addresses and routes follow what they are made from.
    """

    probes: Timing = field(default_factory=Timing)
    crash_seconds: float = 0.5
    crash_most_seconds: float = 5.0
    pull_seconds: float = 0.5
    pull_most_seconds: float = 5.0
    deaf_seconds: float = 2.0
    hook_seconds: float = 1.0
    endpoint_seconds: float = 0.05


@dataclass(frozen=True)
class Ground:
    """What every pod of the cluster stands on.

    Args:
        objects: All objects.
        recorder: Writes events.
        addresses: Gives out addresses.
        folder: Where pods, logs and kubeconfigs lie.
        images: Those that can be pulled.
        environ: What every container has in its environment.
        kubeconfig: Path of a service account's kubeconfig, by namespace and account.
        pace: How quick all is.
    """

    objects: Objects
    recorder: Recorder
    addresses: Addresses
    folder: Path
    images: set[str]
    environ: dict[str, str]
    kubeconfig: Callable[[str, str], Path]
    pace: Pace

    def logs(self, pod_uid: str, container: str) -> Path:
        """Folder of a container's logs: `0.log` of its first run, `1.log` of its next."""
        return self.folder / "logs" / pod_uid / container
