"""Rights of each service account, by access reviews, and pods that the namespace refuses."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes.client import ApiException

from tests.integration import manifests
from tests.integration.api import Api, Manifest
from tests.integration.manifests import SETTINGS
from tests.integration.project import ClusterProject
from tests.integration.suite_cluster import (
    AIRFLOW,
    PARTS,
    ROLLOUT,
    SERVER,
    STAGES,
    namespace_of,
)

NUMBERS = itertools.count(1)
READS = ("get", "list", "watch")
CHANGES = (*READS, "create", "patch", "update", "delete")
ASKED = {
    "": (
        *("configmaps", "endpoints", "events", "persistentvolumeclaims", "pods", "pods/eviction"),
        *("pods/exec", "pods/log", "pods/portforward", "replicationcontrollers", "resourcequotas"),
        *("secrets", "serviceaccounts", "serviceaccounts/token", "services", "nodes", "namespaces"),
    ),
    "apps": ("daemonsets", "deployments", "deployments/scale", "replicasets", "statefulsets"),
    "batch": ("cronjobs", "jobs"),
    "gateway.networking.k8s.io": ("gateways", "httproutes"),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "policy": ("poddisruptionbudgets",),
    "rbac.authorization.k8s.io": ("clusterroles", "rolebindings", "roles"),
}
"""Resources that are asked about, by API group."""

OBJECTS = ("get", "list", "create", "patch", "delete")
RIGHTS: Mapping[str, Mapping[tuple[str, str, str], tuple[str, ...]]] = {
    STAGES: {},
    SERVER: {},
    ROLLOUT: {
        ("serving", "apps", "deployments"): OBJECTS,
        ("serving", "", "services"): OBJECTS,
        ("serving", "policy", "poddisruptionbudgets"): OBJECTS,
        ("serving", "gateway.networking.k8s.io", "httproutes"): OBJECTS,
    },
    AIRFLOW: {
        ("stages", "", "pods"): ("get", "list", "watch", "create", "patch", "delete"),
        ("stages", "", "pods/log"): ("get",),
        ("stages", "", "events"): READS,
    },
}
"""Rights of each account, by part of the suite, API group and resource."""

pytestmark = pytest.mark.timeout(1800)


@contextmanager
def acting_as(project: ClusterProject, account: str, part: str) -> Iterator[Api]:
    """A client with the rights of an account, for a namespace."""
    cluster = project.cluster
    where = namespace_of(cluster.namespace, part)
    with Api(cluster.kubeconfig(account), namespace=where) as api:
        yield api


@pytest.mark.parametrize("account", RIGHTS)
def test_an_account_may_do_its_own_work_and_nothing_else(
    project: ClusterProject, account: str
) -> None:
    """In each namespace of the suite, and nothing in another one."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for part in PARTS:
        with acting_as(project, account, part) as api:
            for group, resources in ASKED.items():
                for resource in resources:
                    may = {verb for verb in CHANGES if api.may(verb, resource, group=group)}
                    found |= {(part, group, resource): may} if may else {}
    assert found == {key: set(verbs) for key, verbs in RIGHTS[account].items()}
    with acting_as(project, account, "control") as api:
        elsewhere = api.at("default")
        asked = [(group, one) for group, resources in ASKED.items() for one in resources]
        assert [one for group, one in asked if elsewhere.may("get", one, group=group)] == []


def test_the_rollout_reads_the_servers_settings_and_no_other_configmap(
    project: ClusterProject,
) -> None:
    """By name, and it changes none."""
    with acting_as(project, ROLLOUT, "serving") as api:
        assert api.may("get", "configmaps", name=SETTINGS)
        assert api.find("ConfigMap", SETTINGS) is not None
        for verb in ("create", "patch", "update", "delete"):
            assert not api.may(verb, "configmaps", name=SETTINGS)
        with pytest.raises(ApiException, match="is forbidden"):
            api.find("ConfigMap", "kube-root-ca.crt")


def test_the_rollout_is_refused_what_is_not_its_own(project: ClusterProject) -> None:
    """The reviewed right is the enforced one."""
    with acting_as(project, ROLLOUT, "serving") as api:
        api.list_objects("Service", {})
        for kind in ("Pod", "Secret", "Event"):
            with pytest.raises(ApiException, match="is forbidden") as refused:
                api.list_objects(kind, {})
            assert refused.value.status == 403


def refused_by_a_policy(act: Callable[..., Any], *given: Any) -> str:
    """The message of the policy that refuses a request."""
    with pytest.raises(ApiException, match="ValidatingAdmissionPolicy") as refused:
        act(*given)
    assert refused.value.status == 403
    message: str = json.loads(refused.value.body)["message"]
    return message


def stage_pod(project: ClusterProject, **more: Any) -> Manifest:
    """The pod of a stage, as Airflow may make it, with fields of its spec."""
    labels = {
        "app.kubernetes.io/name": "slipway-stage",
        "app.kubernetes.io/managed-by": "slipway",
        "slipway/stage": "train",
    }
    where = project.at("stages").namespace
    spec = manifests.restricted(project.cluster.image, ["slipway"], **more)
    spec["serviceAccountName"] = more.get("serviceAccountName", STAGES)
    spec["containers"][0]["args"] = ["run", "train", "--help"]
    meta = {"name": f"refused-{next(NUMBERS)}", "namespace": where, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


WORN = {"serviceAccountName": ROLLOUT, "automountServiceAccountToken": True}
SECRET = {"volumes": [{"name": "more", "secret": {"secretName": "slipway-secrets"}}]}
REFUSED: Mapping[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "the rollout's account": (WORN, {}, "only a stage of a rollout"),
    "a Secret": (SECRET, {}, "no Secret"),
    "the label of a server": ({}, {"app.kubernetes.io/name": "slipway-server"}, "slipway-stage"),
    "the label of another stage": ({}, {"slipway/stage": "switch"}, "the stage of its label"),
    "a label of others": ({}, {"team": "billing"}, "no labels"),
}


@pytest.mark.parametrize("attack", REFUSED)
def test_airflow_is_refused_a_pod_beyond_its_stage(project: ClusterProject, attack: str) -> None:
    """Its right to create pods ends with a stage in an image of the installation."""
    spec, labels, reason = REFUSED[attack]
    pod = stage_pod(project, **spec)
    pod["metadata"]["labels"] |= labels
    with acting_as(project, AIRFLOW, "stages") as airflow:
        assert reason in refused_by_a_policy(airflow.create, pod)


def test_airflow_is_refused_another_image(project: ClusterProject) -> None:
    """In a new pod and in one that runs; it marks a pod and deletes it."""
    with acting_as(project, AIRFLOW, "stages") as airflow:
        other = stage_pod(project)
        other["spec"]["containers"][0]["image"] = "registry.example.org/other:1"
        assert "stage-images" in refused_by_a_policy(airflow.create, other)
        pod = airflow.create(stage_pod(project))
        name = pod["metadata"]["name"]
        image = {"spec": {"containers": [{**pod["spec"]["containers"][0], "image": "other:1"}]}}
        assert refused_by_a_policy(airflow.patch, "Pod", name, image)
        worn = {"metadata": {"labels": {"app.kubernetes.io/name": "slipway-server"}}}
        assert "already_checked" in refused_by_a_policy(airflow.patch, "Pod", name, worn)
        airflow.patch("Pod", name, {"metadata": {"labels": {"already_checked": "True"}}})
        airflow.delete("Pod", name)


def test_the_rollout_is_refused_objects_of_others(project: ClusterProject) -> None:
    """A Service of others keeps its selector, its labels and its place."""
    admin = project.at("serving")
    spec = {"selector": {"app": "other"}, "ports": [{"port": 80}]}
    meta = {"name": "of-others", "namespace": admin.namespace, "labels": {"app": "other"}}
    admin.apply({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    labels = {"app.kubernetes.io/managed-by": "slipway", "slipway/model": "m"}
    try:
        with acting_as(project, ROLLOUT, "serving") as api:
            for change in ({"spec": {"selector": {"app": "m"}}}, {"metadata": {"labels": labels}}):
                reason = refused_by_a_policy(api.patch, "Service", "of-others", change)
                assert "only objects with Slipway's labels" in reason
            assert refused_by_a_policy(api.delete, "Service", "of-others")
            outside = {**spec, "selector": {"slipway/model": "m"}, "externalIPs": ["10.0.0.1"]}
            made = {"name": "m", "namespace": admin.namespace, "labels": labels}
            service = {"apiVersion": "v1", "kind": "Service", "metadata": made, "spec": outside}
            assert "outside address" in refused_by_a_policy(api.create, service)
    finally:
        admin.delete("Service", "of-others")


def test_a_pod_that_runs_as_root_is_refused(project: ClusterProject) -> None:
    """The namespaces admit restricted pods only, also from the admin."""
    pod = stage_pod(project)
    pod["spec"]["securityContext"] |= {"runAsNonRoot": False, "runAsUser": 0}
    with acting_as(project, AIRFLOW, "stages") as airflow:
        for api in (project.at("stages"), airflow):
            with pytest.raises(ApiException, match="violates PodSecurity") as refused:
                api.create(pod)
            assert refused.value.status == 403
