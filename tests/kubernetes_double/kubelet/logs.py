"""Logs of containers, as `pods/log` serves them.

A file has one line per line of output: the time (RFC 3339 with nanoseconds), a space, the text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import bad_request
from tests.kubernetes_double.api.request import ApiRequest

# Arguments: namespace, pod, container.
LogFile = Callable[[str, str, str], Path | None]


def log_of(objects: Objects, api_request: ApiRequest, *, file_of: LogFile) -> bytes:
    """The complete lines of a container's log so far, with their times if requested.

    Raises:
        ApiProblem: 400: there is no such container, or it has not started.
    """
    target = api_request.target
    pod = objects.get("Pod", target.namespace, target.name)
    container = _container(pod, api_request.query.get("container", ""))
    path = file_of(target.namespace, target.name, container)
    state = (_status(pod, container) or {}).get("state") or {"waiting": {}}
    data = path.read_bytes() if path is not None and path.exists() else None
    if "waiting" in state and data is None:
        why = state["waiting"].get("reason", "ContainerCreating")
        if why in ("ImagePullBackOff", "ErrImagePull"):
            why = f"trying and failing to pull image ({why})"
        raise bad_request(
            f'container "{container}" in pod "{target.name}" is waiting to start: {why}'
        )
    *lines, _ = (data or b"").split(b"\n")
    if not api_request.flag("timestamps"):
        lines = [line.partition(b" ")[2] for line in lines]
    return b"".join(line + b"\n" for line in lines)


def _container(pod: dict[str, Any], requested: str) -> str:
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    name = requested or str(containers[0]["name"])
    if name not in [container["name"] for container in containers]:
        raise bad_request(f"container {name} is not valid for pod {pod['metadata']['name']}")
    return name


def _status(pod: dict[str, Any], container: str) -> dict[str, Any] | None:
    status = pod.get("status") or {}
    statuses = [
        *(status.get("containerStatuses") or ()),
        *(status.get("initContainerStatuses") or ()),
    ]
    found: dict[str, Any] | None = next((one for one in statuses if one["name"] == container), None)
    return found
