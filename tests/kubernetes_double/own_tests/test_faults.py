"""Faults on demand: refusals, lost answers, silence, a server that is gone."""

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
    ("change", "said"),
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
    apps: client.AppsV1Api, change: dict[str, Any], said: str
) -> None:
    """The fault is named with its field, and the status is 422."""
    with pytest.raises(ApiException) as caught:
        apps.create_namespaced_deployment(NAMESPACE, merge(deployment(), change))
    assert caught.value.status == 422
    assert said in status_of(caught)["message"]
    assert status_of(caught)["details"]["causes"]


@pytest.mark.parametrize("status", [429, 500, 503, 409])
def test_a_fault_comes_as_often_as_told(api: Api, core: client.CoreV1Api, status: int) -> None:
    """So many requests that fit go wrong; others do not, and then none does."""
    api.fail(Fault("create", "Pod", status=status, times=2))
    core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "other"}})
    for _ in range(2):
        with pytest.raises(ApiException) as caught:
            core.create_namespaced_pod(NAMESPACE, pod())
        assert caught.value.status == status
    assert core.create_namespaced_pod(NAMESPACE, pod()).metadata.name == "fit"


def test_a_fault_can_lose_the_answer_only(api: Api, core: client.CoreV1Api) -> None:
    """The request is carried out and the client does not learn of it."""
    api.fail(Fault("create", "Pod", status=500, after=True))
    with pytest.raises(ApiException):
        core.create_namespaced_pod(NAMESPACE, pod())
    assert core.read_namespaced_pod("fit", NAMESPACE).metadata.name == "fit"


def test_a_fault_can_keep_silent(api: Api, core: client.CoreV1Api) -> None:
    """A client with less patience than the server gives up by itself."""
    api.fail(Fault("list", "Pod", hang_seconds=0.5))
    with pytest.raises(Exception, match="timed out"):
        core.list_namespaced_pod(NAMESPACE, _request_timeout=0.1)
    assert core.list_namespaced_pod(NAMESPACE).items == []


def test_a_server_that_is_gone_comes_back_with_everything(api: Api, core: client.CoreV1Api) -> None:
    """Stopped, it refuses connections; started again, its objects are where they were."""
    core.create_namespaced_pod(NAMESPACE, pod())
    api.stop()
    with pytest.raises(Exception, match=r"refused|Max retries"):
        core.list_namespaced_pod(NAMESPACE)
    api.start()
    assert len(core.list_namespaced_pod(NAMESPACE).items) == 1
