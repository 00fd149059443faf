"""Why a pod gave no result, as one of our errors: told from what Kubernetes says about it.

Pure: a pod and its events are plain values, as the API writes them in JSON. What the stage itself
reported is not asked here; these are the errors of the cluster around it.
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
"""Characters of Kubernetes' own words that a message repeats."""

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
"""How registries say that one has asked too often; some call that denied as well."""

MISSING = re.compile(
    r"not found|manifest unknown|does not exist|denied|unauthorized|forbidden|no basic auth"
    r"|authentication required|no match for platform|invalid reference",
    re.IGNORECASE,
)
"""How they say that the image cannot be had, whenever one asks."""


@dataclass(frozen=True)
class Ended:
    """A pod that gave no result.

    Attributes:
        stage: What it was to do.
        where: Its namespace and name.
        pod: As it was seen last; None: it has vanished.
        events: Of the pod, oldest first.
        given_up: Why nobody waited any longer; None: it ended by itself.
    """

    stage: str
    where: str
    pod: Json | None
    events: Sequence[Json] = field(default=())
    given_up: str | None = None

    @property
    def status(self) -> Json:
        """What Kubernetes says about the pod."""
        return dict((self.pod or {}).get("status") or {})

    @property
    def container(self) -> Json:
        """The stage's container as the pod asked for it."""
        containers = ((self.pod or {}).get("spec") or {}).get("containers") or [{}]
        return dict(containers[0])

    def state(self, kind: str) -> Json | None:
        """The container's state, if it is of a kind: `waiting` or `terminated`."""
        statuses = self.status.get("containerStatuses") or [{}]
        state = (statuses[0].get("state") or {}).get(kind)
        return None if state is None else dict(state)

    def condition(self, kind: str) -> Json | None:
        """A condition of the pod, or None."""
        conditions = self.status.get("conditions") or ()
        return next((dict(one) for one in conditions if one.get("type") == kind), None)

    def told(self, *reasons: str) -> str | None:
        """The newest event's words among those of some reasons, or None."""
        newest = (one for one in reversed(self.events) if one.get("reason") in reasons)
        return next((str(one.get("message", "")) for one in newest), None)


def pod_failure(ended: Ended) -> SlipwayError:
    """Why a pod gave no result: the first cause that fits, from the surest on."""
    found = (cause(ended) for cause in CAUSES)
    return next((error for error in found if error is not None), _no_record(ended))


def _vanished(ended: Ended) -> SlipwayError | None:
    if ended.pod is not None:
        return None
    return PodLost(
        f"the pod of {ended.stage} has vanished",
        expected="a pod that ends with a record",
        found=_short(ended.told("TaintManagerEviction", "Preempted", "Evicted", "Killing"))
        or "no pod of that name",
        where=ended.where,
        hint="its node may have gone, or somebody deleted it",
    )


def _out_of_memory(ended: Ended) -> SlipwayError | None:
    terminated = ended.state("terminated")
    if terminated is None or terminated.get("reason") != "OOMKilled":
        return None
    limit = ((ended.container.get("resources") or {}).get("limits") or {}).get("memory", "none")
    return OutOfMemory(
        f"{ended.stage} needed more memory than its pod may use",
        expected=f"at most {limit} (pods.resources.memory)",
        found="OOMKilled",
        where=ended.where,
        hint="raise pods.resources.memory in the spec, or give the stage less at a time",
    )


def _evicted(ended: Ended) -> SlipwayError | None:
    status, disruption = ended.status, ended.condition("DisruptionTarget")
    reason = str(status.get("reason") or "")
    if disruption is not None and disruption.get("status") == "True":
        reason = reason or str(disruption.get("reason"))
        said = status.get("message") or disruption.get("message")
    elif reason in {"Evicted", "NodeLost", "NodeShutdown", "Terminated", "Preempting", "Shutdown"}:
        said = status.get("message")
    else:
        return None
    return PodLost(
        f"the pod of {ended.stage} was taken off its node",
        expected="a pod that ends with a record",
        found=_short(f"{reason}: {said}" if said else reason),
        where=ended.where,
    )


def _deadline(ended: Ended) -> SlipwayError | None:
    over = ended.status.get("reason") == "DeadlineExceeded"
    waited = ended.given_up is not None and ended.status.get("phase") == "Running"
    if not over and not waited:
        return None
    limit = ((ended.pod or {}).get("spec") or {}).get("activeDeadlineSeconds")
    return DeadlineExceeded(
        f"{ended.stage} took longer than its pod may live",
        expected=f"a record within {limit} s (pods.deadline_seconds)",
        found=_short(ended.status.get("message") if over else ended.given_up),
        where=ended.where,
        hint="raise pods.deadline_seconds, or give the pod more cpu",
    )


def _image(ended: Ended) -> SlipwayError | None:
    waiting = ended.state("waiting") or {}
    reason, image = waiting.get("reason"), ended.container.get("image", "")
    if reason not in PULLING | NEVER:
        return None
    said = str(waiting.get("message") or "")
    # "Back-off pulling image" alone does not say why; the event of the failed pull does.
    told = f"{said} {ended.told('Failed', 'ErrImagePull') or ''}"
    if reason in PULLING and (LIMITED.search(told) or not MISSING.search(told)):
        return ImagePullFailed(
            f"the image of {ended.stage} could not be pulled just now",
            expected=str(image),
            found=_short(f"{reason}: {told}"),
            where=ended.where,
        )
    return BadImage(
        f"there is no image for {ended.stage}",
        expected=f"{image} (pods.image)",
        found=_short(f"{reason}: {told}"),
        where=ended.where,
        hint="push the image, mend its name, or let the service account pull it",
    )


def _not_created(ended: Ended) -> SlipwayError | None:
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


def _unschedulable(ended: Ended) -> SlipwayError | None:
    scheduled = ended.condition("PodScheduled") or {}
    if ended.status.get("phase") != "Pending" or scheduled.get("status") != "False":
        return None
    said = scheduled.get("message") or ended.told("FailedScheduling") or scheduled.get("reason")
    amounts = (ended.container.get("resources") or {}).get("requests") or {}
    wanted = ", ".join(f"{name} {amount}" for name, amount in sorted(amounts.items()))
    nodes = ((ended.pod or {}).get("spec") or {}).get("nodeSelector") or {}
    labels = "".join(f", on a node with {name}={value}" for name, value in sorted(nodes.items()))
    return Unschedulable(
        f"no node has room for the pod of {ended.stage}",
        expected=f"{wanted}{labels}",
        found=_short(said),
        where=ended.where,
        hint="add nodes, or lower pods.resources or pods.node_selector in the spec",
    )


def _not_started(ended: Ended) -> SlipwayError | None:
    if ended.status.get("phase") != "Pending":
        return None
    waiting = ended.state("waiting") or {}
    said = ended.told("FailedMount", "FailedCreatePodSandBox", "Failed") or waiting.get("message")
    return PodLost(
        f"the pod of {ended.stage} did not start in time",
        expected="a running container within pods.startup_seconds",
        found=_short(f"{waiting.get('reason', 'Pending')}: {said or 'no reason was given'}"),
        where=ended.where,
    )


def _killed(ended: Ended) -> SlipwayError | None:
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


def _no_record(ended: Ended) -> SlipwayError:
    terminated = ended.state("terminated") or {}
    code = terminated.get("exitCode")
    last_words = _short(str(terminated.get("message") or "").strip()[-WORDS:])
    return PodLost(
        f"the pod of {ended.stage} ended without a record",
        expected="a record or an outcome in the store",
        found=f"exit code {code}" + (f", and as last words: {last_words}" if last_words else ""),
        where=ended.where,
        hint="can the pod reach the store? Its log, and `kubectl describe pod`, say more",
    )


CAUSES: tuple[Callable[[Ended], SlipwayError | None], ...] = (
    *(_vanished, _out_of_memory, _evicted, _deadline, _image, _not_created),
    *(_unschedulable, _not_started, _killed),
)
"""In the order in which they are asked; each says None where it is not the cause."""


def _short(text: object) -> str | None:
    words = " ".join(str(text or "").split())
    return (words if len(words) <= WORDS else f"{words[:WORDS]}…") or None
