"""One container of a pod: its state and its `containerStatus`."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kubernetes_double.api.managed_fields import now
from tests.kubernetes_double.kubelet.processes import Process

LOG_TAIL = 2048


@dataclass
class Container:
    """One container of one pod.

    Args:
        spec: The container in the pod's spec.
        init: Whether it is an init container.
        logs: Folder of its logs, one file per run: `0.log`, `1.log` and so on
    """

    spec: Mapping[str, Any]
    init: bool
    logs: Path
    state: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    restarts: int = 0
    ready: bool = False
    started: bool = False
    pulled: bool = False
    container_id: str = ""
    process: Process | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: bool = False

    @property
    def name(self) -> str:
        """Name of the container."""
        return str(self.spec["name"])

    @property
    def image(self) -> str:
        """Name of the image."""
        return str(self.spec["image"])

    @property
    def sidecar(self) -> bool:
        """Whether it is a native sidecar."""
        return self.init and self.spec.get("restartPolicy") == "Always"

    @property
    def log(self) -> Path:
        """Log file of the current run."""
        return self.logs / f"{self.restarts}.log"

    @property
    def exit_code(self) -> int | None:
        """Exit code; None: it runs, or never did."""
        ended = self.state.get("terminated")
        return None if ended is None else int(ended["exitCode"])

    def wait_for(self, reason: str, message: str = "") -> None:
        """Set the state to waiting, with a reason."""
        self.ready = self.started = False
        self.state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}

    def run_as(self, process: Process) -> None:
        """Set the state to running."""
        self.process = process
        self.container_id = f"containerd://{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.state = {"running": {"startedAt": now()}}

    def end(self, code: int, reason: str = "", message: str = "") -> None:
        """Set the state to terminated, with an exit code."""
        began = self.state.get("running", {}).get("startedAt", now())
        memory = self.process is not None and self.process.killed_for_memory
        plain = "Completed" if code == 0 else "Error"
        self.process = None
        self.ready = self.started = False
        self.state = {
            "terminated": {
                "exitCode": code,
                "reason": reason or ("OOMKilled" if memory else plain),
                "startedAt": began,
                "finishedAt": now(),
                "containerID": self.container_id,
            }
        }
        text = message or (self._log_tail() if code else "")
        if text:
            self.state["terminated"]["message"] = text

    def back_off(self, message: str) -> None:
        """Set the state to waiting after a run."""
        self.last = self.state
        self.wait_for("CrashLoopBackOff", message)

    def begin_again(self) -> None:
        """Count the next run, which has a new log."""
        if "terminated" in self.state:
            self.last = self.state
        self.restarts += 1

    def status(self) -> dict[str, Any]:
        """The `containerStatus`."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": image_id(self.image) if self.pulled else "",
            "containerID": self.container_id,
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last,
        }

    def _log_tail(self) -> str:
        if self.spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            return ""
        if not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(line.partition(" ")[2] for line in lines)[-LOG_TAIL:]


def image_id(image: str) -> str:
    """The image ID of a pulled image: its name and a digest."""
    name = image.partition("@")[0]
    digest = hashlib.sha256(image.encode()).hexdigest()
    return f"{name.rsplit(':', 1)[0]}@sha256:{digest}"
