"""Refusals of faulty objects, and injected faults."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client
from kubernetes.client import ApiException

from tests.kubernetes_double.api.faults import Fault
from tests.kubernetes_double.api.patches import merge
from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.own_tests.requests import NAMESPACE, deployment, pod, status_of


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": {"name": "delay_v3"}}, "a lowercase RFC 1123 subdomain must consist of"),
        ({"metadata": {"labels": {"x": "a b"}}}, "a valid label must be an empty string or"),
        ({"spec": {"selector": {"matchLabels": {"x": "y"}}}}, "does not match template `labels`"),
        (
            {"spec": {"template": {"spec": {"restartPolicy": "Never"}}}},
            'Unsupported value: "Never": supported values: "Always"',
        ),
        ({"spec": {"template": {"spec": {"containers": []}}}}, "Required value"),
        ({"spec": {"selector": None}}, "spec.selector: Required value"),
        ({"spec": {"replicas": -1}}, "must be greater than or equal to 0"),
    ],
)
def test_a_faulty_object_is_refused(
    apps: client.AppsV1Api, change: dict[str, Any], message: str
) -> None:
    """With status 422 and the field."""
    with pytest.raises(ApiException) as caught:
        apps.create_namespaced_deployment(NAMESPACE, merge(deployment(), change))
    assert caught.value.status == 422
    assert message in status_of(caught)["message"]
    assert status_of(caught)["details"]["causes"]


@pytest.mark.parametrize("status", [429, 500, 503, 409])
def test_a_fault_meets_a_number_of_requests(api: Api, core: client.CoreV1Api, status: int) -> None:
    """Matching requests fail that often, and then succeed; others do not fail."""
    api.fail(Fault("create", "Pod", status=status, times=2))
    core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "other"}})
    for _ in range(2):
        with pytest.raises(ApiException) as caught:
            core.create_namespaced_pod(NAMESPACE, pod())
        assert caught.value.status == status
    assert core.create_namespaced_pod(NAMESPACE, pod()).metadata.name == "fit"


def test_a_fault_can_lose_the_response_only(api: Api, core: client.CoreV1Api) -> None:
    """The request has its effect."""
    api.fail(Fault("create", "Pod", status=500, after=True))
    with pytest.raises(ApiException):
        core.create_namespaced_pod(NAMESPACE, pod())
    assert core.read_namespaced_pod("fit", NAMESPACE).metadata.name == "fit"


def test_a_fault_can_hang(api: Api, core: client.CoreV1Api) -> None:
    """A client with a shorter time-out gives up."""
    api.fail(Fault("list", "Pod", hang_seconds=0.5))
    with pytest.raises(Exception, match="timed out"):
        core.list_namespaced_pod(NAMESPACE, _request_timeout=0.1)
    assert core.list_namespaced_pod(NAMESPACE).items == []
