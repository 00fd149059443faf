"""Errors for every way in which a pod fails on a cluster, each with expected and found."""

from __future__ import annotations

from typing import Any

import pytest

from slipway import errors
from slipway.orchestration.pods.failures import EndedPod, pod_failure

WHERE = "slipway/delay-train-0123456789-1"
SPEC = {
    "activeDeadlineSeconds": 3600,
    "nodeSelector": {"disk": "1"},
    "containers": [
        {
            "image": "registry.example.org/stages:1",
            "resources": {
                "limits": {"cpu": "1", "memory": "2Gi"},
                "requests": {"cpu": "1", "memory": "2Gi"},
            },
        }
    ],
}
BACK_OFF = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "stages:1"'}


def failure_of(
    status: dict[str, Any] | None,
    *events: tuple[str, str],
    given_up: str | None = None,
    **state: Any,
) -> errors.SlipwayError:
    """The error for a pod with a status and a container state."""
    pod = None
    if status is not None:
        statuses = [{"name": "base", "state": state}] if state else []
        pod = {"spec": SPEC, "status": {"containerStatuses": statuses, **status}}
    happened = [{"reason": reason, "message": message} for reason, message in events]
    return pod_failure(EndedPod("train", WHERE, pod, happened, given_up))


def condition(kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
    """A status with only one condition."""
    one = {"type": kind, "status": status, "reason": reason, "message": message}
    return {"conditions": [one]}


def test_a_pod_out_of_memory_names_its_limit() -> None:
    """And the field to raise; the same limit would end the next pod too."""
    error = failure_of({"phase": "Failed"}, terminated={"reason": "OOMKilled", "exitCode": 137})
    assert type(error) is errors.OutOfMemory
    assert "2Gi" in str(error.expected)
    assert error.found == "OOMKilled"
    assert "pods.resources.memory" in str(error.hint)


@pytest.mark.parametrize(
    "status",
    [
        {"reason": "Evicted", "message": "The node was low on resource: memory."},
        {"reason": "NodeLost", "message": "Node which was running the pod is unresponsive"},
        {"reason": "Terminated", "message": "Pod was terminated in response to node shutdown."},
        condition("DisruptionTarget", "True", "PreemptionByScheduler", "made room for another"),
        condition("DisruptionTarget", "True", "DeletionByPodGC", "no longer on a node"),
    ],
)
def test_a_pod_that_was_taken_off_its_node_is_lost(status: dict[str, Any]) -> None:
    """Eviction, preemption and a lost node are not the stage's doing, whatever the exit code."""
    killed = {"reason": "Error", "exitCode": 137}
    error = failure_of({"phase": "Failed", **status}, terminated=killed)
    assert type(error) is errors.PodLost
    reason = status.get("reason") or status["conditions"][0]["reason"]
    assert str(error.found).startswith(f"{reason}: ")


def test_a_pod_that_has_vanished_is_lost() -> None:
    """With the pod's remaining events."""
    error = failure_of(None, ("TaintManagerEviction", "Marking for deletion Pod"), ("Killing", "x"))
    assert type(error) is errors.PodLost
    assert error.message == "the pod of train does not exist any more"
    assert type(failure_of(None)) is errors.PodLost


@pytest.mark.parametrize(
    ("status", "given_up"),
    [
        ({"phase": "Failed", "reason": "DeadlineExceeded", "message": "Pod was active"}, None),
        ({"phase": "Running"}, "Pod reached the task's execution_timeout deadline."),
    ],
)
def test_a_pod_that_takes_too_long_names_its_deadline(
    status: dict[str, Any], given_up: str | None
) -> None:
    """Kubernetes' own deadline, or Airflow's."""
    error = failure_of(status, given_up=given_up, terminated={"exitCode": 143, "reason": "Error"})
    assert type(error) is errors.DeadlineExceeded
    assert "3600 s" in str(error.expected)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("ErrImagePull", 'failed to resolve reference "stages:1": stages:1: not found'),
        ("ErrImagePull", "pull access denied, repository does not exist or may require auth"),
        ("ImagePullBackOff", "Back-off pulling image: reading manifest 1: manifest unknown"),
        ("ErrImagePull", "unexpected status from HEAD request: 401 Unauthorized"),
        ("InvalidImageName", "couldn't parse image name"),
        ("ErrImageNeverPull", "Container image is not present with pull policy of Never"),
    ],
)
def test_an_image_that_cannot_be_had_is_named(reason: str, message: str) -> None:
    """The error is permanent: a retry finds the same image missing."""
    error = failure_of({"phase": "Pending"}, waiting={"reason": reason, "message": message})
    assert type(error) is errors.BadImage
    assert "registry.example.org/stages:1" in str(error.expected)
    assert message in str(error.found)


@pytest.mark.parametrize(
    "message",
    [
        "unexpected status from HEAD request: 429 Too Many Requests",
        "denied: toomanyrequests: You have reached your pull rate limit",
        "pull QPS exceeded",
        'Get "https://registry.example.org/v2/": net/http: TLS handshake timeout',
        "dial tcp: lookup registry.example.org: no such host",
        "received unexpected HTTP status: 503 Service Unavailable",
        "dial tcp 192.0.2.1:443: connect: connection refused",
    ],
)
def test_a_registry_that_stumbles_is_asked_again(message: str) -> None:
    """Rate limits, time-outs and DNS errors pass, so a retry may succeed."""
    error = failure_of({"phase": "Pending"}, waiting={"reason": "ErrImagePull", "message": message})
    assert type(error) is errors.ImagePullFailed


def test_the_event_tells_what_a_back_off_does_not() -> None:
    """Kubernetes before 1.32 backs off without a reason; the event of the failed pull has it."""
    missing = ("Failed", 'Failed to pull image "stages:1": not found')
    assert type(failure_of({"phase": "Pending"}, missing, waiting=BACK_OFF)) is errors.BadImage
    limited = ("Failed", 'Failed to pull image "stages:1": 429 Too Many Requests')
    assert (
        type(failure_of({"phase": "Pending"}, limited, waiting=BACK_OFF)) is errors.ImagePullFailed
    )
    assert type(failure_of({"phase": "Pending"}, waiting=BACK_OFF)) is errors.ImagePullFailed


@pytest.mark.parametrize(
    "state",
    [
        {"waiting": {"reason": "CreateContainerConfigError", "message": "image will run as root"}},
        {"terminated": {"reason": "StartError", "exitCode": 128, "message": "exec: slipway"}},
        {"terminated": {"reason": "Error", "exitCode": 127}},
        {"terminated": {"reason": "Error", "exitCode": 2, "message": "No such option: --outcome"}},
    ],
)
def test_a_container_that_cannot_run_is_the_images_fault(state: dict[str, Any]) -> None:
    """The error names the image: another one, or another version, is needed."""
    assert type(failure_of({"phase": "Failed"}, **state)) is errors.BadImage


def test_a_pod_without_a_node_names_what_it_asked_for() -> None:
    """Its requests, its node selector, and the scheduler's message."""
    words = "0/3 nodes are available: 3 Insufficient memory."
    status = condition("PodScheduled", "False", "Unschedulable", words)
    error = failure_of({"phase": "Pending", **status}, given_up="Pod took too long to be scheduled")
    assert type(error) is errors.Unschedulable
    assert error.expected == "cpu 1, memory 2Gi, on a node with disk=1"
    assert error.found == words
    assert error.where == WHERE


def test_a_pod_that_does_not_start_says_what_it_waits_for() -> None:
    """The newest event, about a volume or a network, is quoted."""
    creating = {"reason": "ContainerCreating"}
    failed = ("FailedMount", "MountVolume.SetUp failed")
    error = failure_of({"phase": "Pending"}, failed, waiting=creating, given_up="too long to start")
    assert type(error) is errors.PodLost
    assert error.found == "ContainerCreating: MountVolume.SetUp failed"


@pytest.mark.parametrize(("code", "signal"), [(137, 9), (143, 15)])
def test_a_pod_that_was_killed_is_lost(code: int, signal: int) -> None:
    """The error names no cause, since Kubernetes gives none."""
    error = failure_of({"phase": "Failed"}, terminated={"reason": "Error", "exitCode": code})
    assert type(error) is errors.PodLost
    assert error.found == f"signal {signal} (exit code {code})"


def test_a_pod_that_says_nothing_is_quoted() -> None:
    """Exit code, last lines and the place of the log; a long text is cut."""
    last = {"exitCode": 1, "reason": "Error", "message": "x" * 900 + " no route to host"}
    error = failure_of({"phase": "Failed"}, terminated=last)
    assert type(error) is errors.PodLost
    assert str(error.found).startswith("exit code 1, log ends with: x")
    assert str(error.found).endswith("no route to host")
    assert len(str(error.found)) < 500
    assert failure_of({"phase": "Succeeded"}, terminated={"exitCode": 0}).found == "exit code 0"


def test_a_pod_without_any_status_is_lost() -> None:
    """A status without fields is enough for an error."""
    assert type(failure_of({})) is errors.PodLost
