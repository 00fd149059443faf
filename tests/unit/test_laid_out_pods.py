"""Policies on the pods of the overlays: Airflow, MLflow, the store, and commands of people."""

from __future__ import annotations

import pytest

from tests.kubernetes_double.cluster import PARAMETERS
from tests.support.kustomize import OVERLAYS, Manifest, of_kind, rendered, tools
from tests.support.policed_objects import PolicedObjects

CONTROLLER = "system:serviceaccount:kube-system:{}-controller"


def laid_out(overlay: str) -> PolicedObjects:
    """The base with the accounts and the policies' parameters of an overlay."""
    made = PolicedObjects()
    objects = rendered(overlay)
    [stated] = [one for one in objects if one["metadata"]["name"] == PARAMETERS]
    made.objects.change(
        "ConfigMap", "slipway", PARAMETERS, lambda it: it.update(data=stated["data"])
    )
    for one in of_kind(objects, "ServiceAccount"):
        meta = one["metadata"]
        if made.objects.find("ServiceAccount", meta["namespace"], meta["name"]) is None:
            made.objects.create(one)
    for one in of_kind(objects, "ConfigMap"):
        if one["metadata"]["name"] == "slipway-settings":
            made.objects.create(one)
    return made


def pod_of(workload: Manifest) -> Manifest:
    """The first pod of a Deployment or Job."""
    template = workload["spec"]["template"]
    name = workload["metadata"].get("name", workload["metadata"].get("generateName"))
    meta = {"name": f"{name}-0".replace("--", "-"), "namespace": workload["metadata"]["namespace"]}
    meta |= {"labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_deployment_of_an_overlay_has_its_pods(overlay: str) -> None:
    """Those of Airflow, of MLflow and of the store, as their controller makes them."""
    made = laid_out(overlay)
    deployments = of_kind(rendered(overlay), "Deployment")
    assert {one["metadata"]["name"] for one in deployments} >= {"slipway-airflow", "slipway-mlflow"}
    for one in deployments:
        made.create(pod_of(one), user=CONTROLLER.format("replicaset"))


def test_a_command_of_a_person_has_its_pod() -> None:
    """The Job acts with the rollout's account in the namespace of stages."""
    [job] = [one for one in tools() if one["kind"] == "Job"]
    laid_out("dev").create(pod_of(job), user=CONTROLLER.format("job"))
