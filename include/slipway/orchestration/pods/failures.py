"""Classify pods without a result: from the pod and its events to one of Slipway's errors.

Pure: a pod and its events are plain values, as the API writes them in JSON. An error that the
stage itself reported takes precedence and is read elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slipway.errors import (
    BadImage,
    DeadlineExceeded,
    ImagePullFailed,
    OutOfMemory,
    PodLost,
    SlipwayError,
    Unschedulable,
)

Json = Mapping[str, Any]

WORDS = 400
"""Characters of Kubernetes' messages that an error quotes."""

PULLING = {"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed"}
NEVER = {"InvalidImageName", "ErrImageNeverPull"}
NOT_CREATED = {
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
    *("StartError", "ContainerCannotRun"),
}
DISRUPTED = {"PreemptionByScheduler", "DeletionByTaintManager", "EvictionByEvictionAPI"}
COMMAND_LINE_ERROR = 2
CANNOT_RUN = {126, 127}
KILLED_FROM = 128

LIMITED = re.compile(
    r"\b429\b|too many requests|toomanyrequests|rate limit|qps exceeded|quota exceeded"
    r"|account limit",
    re.IGNORECASE,
)
"""Messages of registries for too many requests; some contain "denied" as well."""

MISSING = re.compile(
    r"not found|manifest unknown|does not exist|denied|unauthorized|forbidden|no basic auth"
    r"|authentication required|no match for platform|invalid reference",
    re.IGNORECASE,
)
"""Messages of registries that no retry changes."""


@dataclass(frozen=True)
class EndedPod:
    """A pod that ended without a result.

    Attributes:
        stage: Name of the stage.
        where: Namespace and name.
        pod: Last known state; None: the pod does not exist any more.
        events: Events of the pod, oldest first.
        timeout: Message of the trigger that stopped waiting; None: the pod ended by itself.
    """

    stage: str
    where: str
    pod: Json | None
    events: Sequence[Json] = field(default=())
    timeout: str | None = None

    @property
    def status(self) -> Json:
        """Status of the pod."""
        return dict((self.pod or {}).get("status") or {})

    @property
    def container(self) -> Json:
        """Spec of the stage's container."""
        containers = ((self.pod or {}).get("spec") or {}).get("containers") or [{}]
        return dict(containers[0])

    def state(self, kind: str) -> Json | None:
        """Return the container's state of a kind, `waiting` or `terminated`, or None."""
        statuses = self.status.get("containerStatuses") or [{}]
        state = (statuses[0].get("state") or {}).get(kind)
        return None if state is None else dict(state)

    def condition(self, kind: str) -> Json | None:
        """Return a condition of the pod, or None."""
        conditions = self.status.get("conditions") or ()
        return next((dict(one) for one in conditions if one.get("type") == kind), None)

    def event_message(self, *reasons: str) -> str | None:
        """Return the message of the newest event with one of some reasons, or None."""
        newest = (one for one in reversed(self.events) if one.get("reason") in reasons)
        return next((str(one.get("message", "")) for one in newest), None)


def pod_failure(ended: EndedPod) -> SlipwayError:
    """Return the error of the first cause that fits, most certain causes first."""
    found = (cause(ended) for cause in CAUSES)
    return next((error for error in found if error is not None), _no_record(ended))


def _vanished(ended: EndedPod) -> SlipwayError | None:
    if ended.pod is not None:
        return None
    return PodLost(
        f"the pod of {ended.stage} does not exist any more",
        expected="a pod that ends with a record",
        found=_short(ended.event_message("TaintManagerEviction", "Preempted", "Evicted", "Killing"))
        or "no pod of that name",
        where=ended.where,
        hint="its node was removed, or the pod was deleted",
    )


def _out_of_memory(ended: EndedPod) -> SlipwayError | None:
    terminated = ended.state("terminated")
    if terminated is None or terminated.get("reason") != "OOMKilled":
        return None
    limit = ((ended.container.get("resources") or {}).get("limits") or {}).get("memory", "none")
    return OutOfMemory(
        f"{ended.stage} used more memory than the limit of its pod",
        expected=f"at most {limit} (pods.resources.memory)",
        found="OOMKilled",
        where=ended.where,
        hint="raise pods.resources.memory in the spec, or give the stage less at a time",
    )


def _evicted(ended: EndedPod) -> SlipwayError | None:
    status, disruption = ended.status, ended.condition("DisruptionTarget")
    reason = str(status.get("reason") or "")
    if disruption is not None and disruption.get("status") == "True":
        reason = reason or str(disruption.get("reason"))
        message = status.get("message") or disruption.get("message")
    elif reason in {"Evicted", "NodeLost", "NodeShutdown", "Terminated", "Preempting", "Shutdown"}:
        message = status.get("message")
    else:
        return None
    return PodLost(
        f"the pod of {ended.stage} was taken off its node",
        expected="a pod that ends with a record",
        found=_short(f"{reason}: {message}" if message else reason),
        where=ended.where,
    )


def _deadline(ended: EndedPod) -> SlipwayError | None:
    over = ended.status.get("reason") == "DeadlineExceeded"
    waited = ended.timeout is not None and ended.status.get("phase") == "Running"
    if not over and not waited:
        return None
    limit = ((ended.pod or {}).get("spec") or {}).get("activeDeadlineSeconds")
    return DeadlineExceeded(
        f"{ended.stage} ran longer than the deadline of its pod",
        expected=f"a record within {limit} s (pods.deadline_seconds)",
        found=_short(ended.status.get("message") if over else ended.timeout),
        where=ended.where,
        hint="raise pods.deadline_seconds, or give the pod more cpu",
    )


def _image(ended: EndedPod) -> SlipwayError | None:
    waiting = ended.state("waiting") or {}
    reason, image = waiting.get("reason"), ended.container.get("image", "")
    if reason not in PULLING | NEVER:
        return None
    message = str(waiting.get("message") or "")
    # "Back-off pulling image" names no cause; the event of the failed pull does.
    details = f"{message} {ended.event_message('Failed', 'ErrImagePull') or ''}"
    if reason in PULLING and (LIMITED.search(details) or not MISSING.search(details)):
        return ImagePullFailed(
            f"the image of {ended.stage} could not be pulled",
            expected=str(image),
            found=_short(f"{reason}: {details}"),
            where=ended.where,
        )
    return BadImage(
        f"there is no image for {ended.stage}",
        expected=f"{image} (pods.image)",
        found=_short(f"{reason}: {details}"),
        where=ended.where,
        hint="push the image, correct its name, or allow the service account to pull it",
    )


def _not_created(ended: EndedPod) -> SlipwayError | None:
    state = ended.state("waiting") or ended.state("terminated") or {}
    reason, code = state.get("reason"), state.get("exitCode")
    if reason not in NOT_CREATED and code not in CANNOT_RUN | {COMMAND_LINE_ERROR}:
        return None
    other = "the image holds another version of slipway" if code == COMMAND_LINE_ERROR else None
    return BadImage(
        f"the container of {ended.stage} cannot run",
        expected=f"{ended.container.get('image', '')} to run `slipway` as user 10001",
        found=_short(f"{reason}: {state.get('message') or f'exit code {code}'}"),
        where=ended.where,
        hint=other or "build pods.image from docker/stages.Dockerfile",
    )


def _unschedulable(ended: EndedPod) -> SlipwayError | None:
    scheduled = ended.condition("PodScheduled") or {}
    if ended.status.get("phase") != "Pending" or scheduled.get("status") != "False":
        return None
    message = (
        scheduled.get("message")
        or ended.event_message("FailedScheduling")
        or scheduled.get("reason")
    )
    amounts = (ended.container.get("resources") or {}).get("requests") or {}
    wanted = ", ".join(f"{name} {amount}" for name, amount in sorted(amounts.items()))
    nodes = ((ended.pod or {}).get("spec") or {}).get("nodeSelector") or {}
    labels = "".join(f", on a node with {name}={value}" for name, value in sorted(nodes.items()))
    return Unschedulable(
        f"no node has room for the pod of {ended.stage}",
        expected=f"{wanted}{labels}",
        found=_short(message),
        where=ended.where,
        hint="add nodes, or lower pods.resources or pods.node_selector in the spec",
    )


def _not_started(ended: EndedPod) -> SlipwayError | None:
    if ended.status.get("phase") != "Pending":
        return None
    waiting = ended.state("waiting") or {}
    event = ended.event_message("FailedMount", "FailedCreatePodSandBox", "Failed")
    message = event or waiting.get("message")
    return PodLost(
        f"the pod of {ended.stage} did not start in time",
        expected="a running container within pods.startup_seconds",
        found=_short(f"{waiting.get('reason', 'Pending')}: {message or 'no reason given'}"),
        where=ended.where,
    )


def _killed(ended: EndedPod) -> SlipwayError | None:
    terminated = ended.state("terminated") or {}
    code = terminated.get("exitCode", 0)
    if code <= KILLED_FROM:
        return None
    return PodLost(
        f"the pod of {ended.stage} was killed",
        expected="a pod that ends with a record",
        found=f"signal {code - KILLED_FROM} (exit code {code})",
        where=ended.where,
    )


def _no_record(ended: EndedPod) -> SlipwayError:
    terminated = ended.state("terminated") or {}
    code = terminated.get("exitCode")
    log_end = _short(str(terminated.get("message") or "").strip()[-WORDS:])
    return PodLost(
        f"the pod of {ended.stage} ended without a record",
        expected="a record or an outcome in the store",
        found=f"exit code {code}" + (f", log ends with: {log_end}" if log_end else ""),
        where=ended.where,
        hint="check that the pod reaches the store; see its log and `kubectl describe pod`",
    )


CAUSES: tuple[Callable[[EndedPod], SlipwayError | None], ...] = (
    *(_vanished, _out_of_memory, _evicted, _deadline, _image, _not_created),
    *(_unschedulable, _not_started, _killed),
)
"""In order of certainty; each returns None where it is not the cause."""


def _short(text: object) -> str | None:
    words = " ".join(str(text or "").split())
    return (words if len(words) <= WORDS else f"{words[:WORDS]}…") or None
