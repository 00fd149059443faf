"""A pod, as its containers know it: where it is, and what they find there."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kubernetes_double.context import Ground
from tests.kubernetes_double.kubelet.containers import Container
from tests.kubernetes_double.kubelet.environment import environment, expand, service_links
from tests.kubernetes_double.kubelet.probes import Target
from tests.kubernetes_double.kubelet.processes import (
    BASE_PATH,
    MARK,
    Command,
    NoCommand,
    Process,
    resolve,
)
from tests.kubernetes_double.kubelet.volumes import Rewriting

BY = "kubelet"
# What every image of this project starts when a pod gives arguments only.
ENTRYPOINT = ("slipway",)


@dataclass(frozen=True)
class Place:
    """A pod, as its containers know it.

    Args:
        ground: What it stands on.
        pod: The pod as it was when the kubelet saw it, with its address in the status.
        address: Its address.
        root: Its folder.
        folders: Host folder of each volume; filled before the first container starts.
        changed: To be called when a container's state has changed.
    """

    ground: Ground
    pod: Mapping[str, Any]
    address: str
    root: Path
    folders: dict[str, Path]
    changed: Callable[[], None]

    @property
    def namespace(self) -> str:
        """Where the pod is."""
        return str(self.pod["metadata"]["namespace"])

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """An object of the pod's namespace; None: it is not there."""
        return self.ground.objects.find(kind, self.namespace, name)

    def spoken(self) -> str:
        """The pod as the kubelet's messages name it."""
        meta = self.pod["metadata"]
        return f"{meta['name']}_{meta['namespace']}({meta['uid']})"

    def tell(self, reason: str, message: str) -> None:
        """Write an event about the pod that was to be expected."""
        self.ground.recorder.normal(self.pod, reason, message, by=BY)

    def warn(self, reason: str, message: str) -> None:
        """Write an event about the pod that somebody may have to look at."""
        self.ground.recorder.warning(self.pod, reason, message, by=BY)


class Surroundings:
    """What one container finds: its variables, its paths, and how commands start in it.

    Args:
        place: The pod.
        container: The container.
    """

    def __init__(self, place: Place, container: Container) -> None:
        self._place = place
        self._container = container
        self._spec = container.spec

    def environ(self) -> dict[str, str]:
        """Its whole environment.

        Raises:
            BadContainerConfig: Something that it refers to is not there.
        """
        place, spec = self._place, self._place.pod["spec"]
        base = {
            "PATH": BASE_PATH,
            "HOME": str(place.root),
            "HOSTNAME": str(place.pod["metadata"]["name"]),
            "LANG": "C.UTF-8",
            MARK: self._mark(),
        }
        if spec.get("enableServiceLinks", True):
            base |= service_links(place.ground.objects.list("Service", place.namespace))
        rewrite = self._rewriting()
        temporary = rewrite.host_folder("/tmp")  # noqa: S108 - the container's own
        base["TMPDIR"] = str(temporary or place.root / "tmp")
        base |= place.ground.environ
        if self._knows_the_api():
            account = spec.get("serviceAccountName", "default")
            base["KUBECONFIG"] = str(place.ground.kubeconfig(place.namespace, account))
        own = environment(self._spec, place.pod, {}, get=place.get)
        made = base | {name: rewrite(value) for name, value in own.items()}
        return made | _joined_paths(base, own)

    def start(self, environ: Mapping[str, str]) -> Process:
        """A run of it. Raises: NoCommand."""
        rewrite = self._rewriting()
        words = [*(self._spec.get("command") or ENTRYPOINT), *(self._spec.get("args") or ())]
        folder = rewrite.host_folder(self._spec.get("workingDir", "")) or self._place.root
        log = self._container.log
        log.parent.mkdir(parents=True, exist_ok=True)
        argv = [rewrite(expand(word, environ)) for word in words]
        return Process(Command(argv, environ, folder, log, self._mark()))

    def target(self) -> Target:
        """It, as probes and hooks need to know it."""
        ports = {
            port["name"]: int(port["containerPort"])
            for port in self._spec.get("ports") or ()
            if "name" in port
        }
        return Target(self._place.address, ports, self._execute)

    async def _execute(self, command: list[str]) -> tuple[int, str]:
        rewrite, environ = self._rewriting(), self.environ()
        try:
            program = resolve(command[0])
        except NoCommand as problem:
            return 127, str(problem)
        words = [program, *(rewrite(expand(word, environ)) for word in command[1:])]

        def run() -> tuple[int, str]:
            done = subprocess.run(
                words,
                env=environ,
                cwd=self._place.root,
                capture_output=True,
                text=True,
                check=False,
                start_new_session=True,
            )
            return done.returncode, done.stdout + done.stderr

        return await asyncio.to_thread(run)

    def _knows_the_api(self) -> bool:
        """Whether the pod's token is mounted: the pod decides, then its account."""
        spec = self._place.pod["spec"]
        account = self._place.get("ServiceAccount", spec.get("serviceAccountName", "default")) or {}
        given = spec.get("automountServiceAccountToken")
        return bool(account.get("automountServiceAccountToken", True) if given is None else given)

    def _rewriting(self) -> Rewriting:
        place = self._place
        mounts = self._spec.get("volumeMounts") or ()
        return Rewriting(mounts, place.folders, address=place.address, shared=place.ground.folder)

    def _mark(self) -> str:
        uid = self._place.pod["metadata"]["uid"]
        return f"{self._place.ground.folder}:{uid}:{self._container.name}"


def _joined_paths(base: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """PYTHONPATH with the double's part in front of a container's own."""
    parts = [values["PYTHONPATH"] for values in (base, own) if values.get("PYTHONPATH")]
    return {"PYTHONPATH": os.pathsep.join(parts)} if parts else {}
