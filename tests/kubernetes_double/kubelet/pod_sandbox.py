"""A pod and its containers' view of it: address, volumes and environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kubernetes_double.context import ClusterContext
from tests.kubernetes_double.kubelet.containers import Container
from tests.kubernetes_double.kubelet.environment import environment, expand
from tests.kubernetes_double.kubelet.probes import Target
from tests.kubernetes_double.kubelet.processes import (
    BASE_PATH,
    MARK,
    Command,
    Process,
)
from tests.kubernetes_double.kubelet.volumes import PathRewriter, mount

BY = "kubelet"
# The entry point of every image of this project.
ENTRYPOINT = ("slipway",)


@dataclass(frozen=True)
class PodContext:
    """A pod as its containers use it.

    Args:
        cluster: State that all pods share.
        pod: The pod when the kubelet started it, with its address in the status.
        address: Address of the pod.
        root: Folder of the pod.
        folders: Host folder of each volume; filled before the first container starts.
        changed: Called when a container's state has changed.
    """

    cluster: ClusterContext
    pod: Mapping[str, Any]
    address: str
    root: Path
    folders: dict[str, Path]
    changed: Callable[[], None]

    @property
    def namespace(self) -> str:
        """Namespace of the pod."""
        return str(self.pod["metadata"]["namespace"])

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """An object of the pod's namespace, or None."""
        return self.cluster.objects.find(kind, self.namespace, name)

    def described(self) -> str:
        """The pod as in the kubelet's messages."""
        meta = self.pod["metadata"]
        return f"{meta['name']}_{meta['namespace']}({meta['uid']})"

    def record(self, reason: str, message: str) -> None:
        """Write a Normal event about the pod."""
        self.cluster.recorder.normal(self.pod, reason, message, by=BY)

    def warn(self, reason: str, message: str) -> None:
        """Write a Warning event about the pod."""
        self.cluster.recorder.warning(self.pod, reason, message, by=BY)


class ContainerContext:
    """Environment, paths and commands of one container.

    Args:
        pod_context: The pod.
        container: The container.
    """

    def __init__(self, pod_context: PodContext, container: Container) -> None:
        self._pod_context = pod_context
        self._container = container
        self._spec = container.spec

    def environ(self) -> dict[str, str]:
        """All environment variables.

        Raises:
            BadContainerConfig: A reference is missing.
        """
        pod_context, spec = self._pod_context, self._pod_context.pod["spec"]
        base = {
            "PATH": BASE_PATH,
            "HOME": str(pod_context.root),
            "HOSTNAME": str(pod_context.pod["metadata"]["name"]),
            "LANG": "C.UTF-8",
            MARK: self._mark(),
        }
        own = environment(self._spec, pod_context.pod, {}, get=pod_context.get)
        rewrite = self._path_rewriter(own)
        temporary = rewrite.host_folder("/tmp")  # noqa: S108 - the container's own
        base["TMPDIR"] = str(temporary or pod_context.root / "tmp")
        base |= pod_context.cluster.environ
        if self._mounts_token():
            account = spec.get("serviceAccountName", "default")
            base["KUBECONFIG"] = str(pod_context.cluster.kubeconfig(pod_context.namespace, account))
        made = base | {name: rewrite(value) for name, value in own.items()}
        return made | _joined_paths(base, own)

    def start(self, environ: Mapping[str, str]) -> Process:
        """Start a run. Raises: NoCommand."""
        rewrite = self._path_rewriter(environ)
        words = [*(self._spec.get("command") or ENTRYPOINT), *(self._spec.get("args") or ())]
        words = self._pod_context.cluster.programs.get(self._spec["image"], words)
        folder = rewrite.host_folder(self._spec.get("workingDir", "")) or self._pod_context.root
        log = self._container.log
        log.parent.mkdir(parents=True, exist_ok=True)
        argv = [rewrite(expand(word, environ)) for word in words]
        return Process(Command(argv, environ, folder, log, self._mark()))

    def target(self) -> Target:
        """The target of probes."""
        ports = {
            port["name"]: int(port["containerPort"])
            for port in self._spec.get("ports") or ()
            if "name" in port
        }
        return Target(self._pod_context.address, ports)

    def _mounts_token(self) -> bool:
        """Whether the pod's token is mounted, by the pod, then by its account."""
        spec = self._pod_context.pod["spec"]
        account = (
            self._pod_context.get("ServiceAccount", spec.get("serviceAccountName", "default")) or {}
        )
        given = spec.get("automountServiceAccountToken")
        return bool(account.get("automountServiceAccountToken", True) if given is None else given)

    def _path_rewriter(self, variables: Mapping[str, str]) -> PathRewriter:
        pod_context = self._pod_context
        hosts = mount(
            self._spec.get("volumeMounts") or (),
            pod_context.folders,
            lambda text: expand(text, variables),
        )
        return PathRewriter(
            hosts,
            address=pod_context.address,
            shared=pod_context.cluster.folder,
        )

    def _mark(self) -> str:
        uid = self._pod_context.pod["metadata"]["uid"]
        return f"{self._pod_context.cluster.folder}:{uid}:{self._container.name}"


def _joined_paths(base: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """PYTHONPATH with the double's folder before the container's own."""
    parts = [values["PYTHONPATH"] for values in (base, own) if values.get("PYTHONPATH")]
    return {"PYTHONPATH": os.pathsep.join(parts)} if parts else {}
