"""What a container wrote: the files of the kubelet, as `pods/log` gives them.

A file has one line per line of output: the moment (RFC 3339 with nanoseconds), a space, the text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import bad_request
from tests.kubernetes_double.api.request import Asking

# Namespace, pod, container, whether the run before this one: where its output is.
LogFile = Callable[[str, str, str, bool], Path | None]

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Wanted:
    """Which lines of which container.

    Attributes:
        pod: Name of the pod.
        namespace: Where it is.
        container: Its name.
        path: File with its output; None: there is none yet.
        asking: The request.
    """

    pod: str
    namespace: str
    container: str
    path: Path | None
    asking: Asking


def wanted(objects: Objects, asking: Asking, *, file_of: LogFile) -> Wanted:
    """Which lines are asked for.

    Raises:
        ApiProblem: 400: there is no such container, or it has not started.
    """
    target = asking.target
    pod = objects.get("Pod", target.namespace, target.name)
    container = _container(pod, asking.query.get("container", ""))
    previous = asking.flag("previous")
    path = file_of(target.namespace, target.name, container, previous)
    state = (_status(pod, container) or {}).get("state") or {"waiting": {}}
    if previous and path is None:
        raise bad_request(
            f'previous terminated container "{container}" in pod "{target.name}" not found'
        )
    if "waiting" in state and (path is None or not path.exists()):
        why = state["waiting"].get("reason", "ContainerCreating")
        if why in ("ImagePullBackOff", "ErrImagePull"):
            why = f"trying and failing to pull image ({why})"
        raise bad_request(
            f'container "{container}" in pod "{target.name}" is waiting to start: {why}'
        )
    return Wanted(target.name, target.namespace, container, path, asking)


def _container(pod: dict[str, Any], asked: str) -> str:
    spec = pod["spec"]
    main = [container["name"] for container in spec["containers"]]
    names = [*main, *(container["name"] for container in spec.get("initContainers") or ())]
    name = pod["metadata"]["name"]
    if asked:
        if asked not in names:
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(names) > 1:
        choices = f"choose one of: [{' '.join(names)}]"
        raise bad_request(f"a container name must be specified for pod {name}, {choices}")
    return str(main[0])


def _status(pod: dict[str, Any], container: str) -> dict[str, Any] | None:
    status = pod.get("status") or {}
    held = [
        *(status.get("containerStatuses") or ()),
        *(status.get("initContainerStatuses") or ()),
    ]
    found: dict[str, Any] | None = next((one for one in held if one["name"] == container), None)
    return found


async def stream(objects: Objects, want: Wanted) -> AsyncIterator[bytes]:
    """The lines; while it follows, until the container has ended."""
    asking, shown = want.asking, _Shown(want.asking)
    follow = asking.flag("follow")
    start = _read(want.path, 0)
    tail = asking.number("tailLines")
    lines, offset = _lines(start)
    chosen = [line for line in lines if shown.since(line)]
    for line in chosen[-tail:] if tail else [] if tail == 0 else chosen:
        yield shown.line(line)
    while follow:
        ended = _ended(objects, want)
        lines, length = _lines(_read(want.path, offset))
        offset += length
        for line in lines:
            yield shown.line(line)
        if ended and not lines:
            return
        await asyncio.sleep(_POLL_SECONDS)


class _Shown:
    """How lines are shown."""

    def __init__(self, asking: Asking) -> None:
        self._timestamps = asking.flag("timestamps")
        seconds, moment = asking.number("sinceSeconds"), asking.query.get("sinceTime", "")
        self._since: datetime | None = None
        if seconds is not None:
            self._since = datetime.now(tz=UTC) - timedelta(seconds=seconds)
        elif moment:
            self._since = datetime.fromisoformat(moment)

    def since(self, line: bytes) -> bool:
        """Whether a line is young enough."""
        if self._since is None:
            return True
        # Python's clock has six digits, the kubelet's nine.
        stamp = line.partition(b" ")[0].decode().removesuffix("Z")[:26]
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC) >= self._since

    def line(self, line: bytes) -> bytes:
        """A line as it is asked for."""
        return (line if self._timestamps else line.partition(b" ")[2]) + b"\n"


def _read(path: Path | None, offset: int) -> bytes:
    if path is None or not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()


def _lines(data: bytes) -> tuple[list[bytes], int]:
    """Whole lines, and how many bytes they take."""
    *lines, rest = data.split(b"\n")
    return lines, len(data) - len(rest)


def _ended(objects: Objects, want: Wanted) -> bool:
    pod = objects.find("Pod", want.namespace, want.pod)
    if pod is None:
        return True
    state = (_status(pod, want.container) or {}).get("state") or {}
    return "terminated" in state or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
