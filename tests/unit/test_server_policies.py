"""Policies on servers: what a rollout makes is admitted, and nothing else of its account."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

from slipway.adapters.platforms.cluster.manifests.candidate import candidate_objects
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.adapters.platforms.cluster.manifests.render import render_manifests
from slipway.adapters.platforms.cluster.manifests.resources import sizing
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from tests.support.manifests import spec_of
from tests.support.policed_objects import ROLLOUT, Change, Manifest, PolicedObjects, changed

IMAGE = "registry.example.org/slipway-server:1"
SHIPPER = "registry.example.org/slipway-shipper:1"
NUMBERS = itertools.count(1)
ADMIN = "kubernetes-admin"
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "gateway": {"gateway": {"name": "edge", "namespace": "infra", "url": "http://edge.infra"}},
    "everything": {
        "shipper_image": SHIPPER,
        "tokens_secret": "slipway-server-tokens",
        "pii_key_secret": "slipway-pii-key",
        "trusted_keys_config": "slipway-keys",
        "log_claim": "slipway-logs",
        "node_selector": {"pool": "serving"},
    },
}


def objects_of(name: str, model: str = "flight_delay") -> list[Manifest]:
    """Every object that a rollout of a model applies, its candidate's among them."""
    spec = spec_of({"image": IMAGE, **OPTIONS[name]}, model)
    size = sizing(cluster_of(spec), {})
    made = render_manifests(spec, Traffic(7, {3: 0.1, 2: 0.9}), {})
    return [*made, *candidate_objects(spec, 4, sizing=size)]


@pytest.fixture
def policed() -> PolicedObjects:
    """The base, with the images of servers."""
    return PolicedObjects(IMAGE, SHIPPER)


KEYS = {"trusted-keys": "slipway-keys"}


@pytest.mark.parametrize("options", OPTIONS)
def test_every_object_of_a_rollout_is_admitted(options: str) -> None:
    """Made, changed and deleted by its account."""
    policed = PolicedObjects(IMAGE, SHIPPER, stated=KEYS if options == "everything" else {})
    for one in objects_of(options):
        made = policed.create(one, user=ROLLOUT)
        again = changed(made, lambda it: it["metadata"].setdefault("annotations", {}).update(a="1"))
        policed.delete(policed.update(again, user=ROLLOUT), user=ROLLOUT)


def test_no_server_runs_without_the_keys_that_signed_its_version() -> None:
    """Where the policies name them; neither the server nor its download is without."""
    policed = PolicedObjects(IMAGE, SHIPPER, stated=KEYS)
    assert "trusted-keys" in policed.refusal(policed.create, of_kind("Deployment"), user=ROLLOUT)
    good = of_kind("Deployment", "everything")
    for place in ("containers", "initContainers"):

        def forget(one: Manifest, place: str = place) -> None:
            for container in pod_spec(one)[place]:
                container["env"] = [
                    it for it in container.get("env", []) if it["name"] != "SLIPWAY_TRUSTED_KEYS"
                ]

        reason = policed.refusal(policed.create, changed(good, forget), user=ROLLOUT)
        assert "trusted-keys" in reason


def of_kind(kind: str, options: str = "plain") -> Manifest:
    """The first object of a kind."""
    return next(one for one in objects_of(options) if one["kind"] == kind)


def pod_spec(deployment: Manifest) -> Manifest:
    """Spec of a Deployment's pods."""
    found: Manifest = deployment["spec"]["template"]["spec"]
    return found


def server(**fields: Any) -> Change:
    """A change of the server's container."""
    return lambda one: pod_spec(one)["containers"][0].update(fields)


def volume(**source: Any) -> Change:
    """A further volume."""
    return lambda one: pod_spec(one)["volumes"].append({"name": "more", **source})


def reads_from(**source: Any) -> Change:
    """Variables of the server from a further object."""
    return lambda one: pod_spec(one)["containers"][0]["envFrom"].append(source)


def pod_label(name: str, text: str) -> Change:
    """A label of the pods."""
    return lambda one: one["spec"]["template"]["metadata"]["labels"].update({name: text})


def service(**fields: Any) -> Change:
    """A change of a Service's spec."""
    return lambda one: one["spec"].update(fields)


def second_container(deployment: Manifest) -> None:
    """A further container, of another image."""
    containers = pod_spec(deployment)["containers"]
    containers.append({**copy.deepcopy(containers[0]), "name": "second", "image": "evil:1"})


def matched(value: str) -> Change:
    """Another path of the route."""
    return lambda one: one["spec"]["rules"][-1]["matches"][0]["path"].update(value=value)


def backend(**fields: Any) -> Change:
    """Another backend of the route."""
    return lambda one: one["spec"]["rules"][-1]["backendRefs"][0].update(fields)


def owner(name: str, text: str) -> Change:
    """Another label of the object itself."""
    return lambda one: one["metadata"]["labels"].update({name: text})


EXEC = {"exec": {"command": ["sh", "-c", "id"]}}
SECRET = {"secretKeyRef": {"name": "slipway-secrets", "key": "AWS_SECRET_ACCESS_KEY"}}
ATTACKS: dict[str, tuple[str, Change, str]] = {
    "another image": ("Deployment", server(image="evil:1"), "server-images"),
    "another command": ("Deployment", server(command=["sh"]), "runs slipway serve"),
    "another part of slipway": ("Deployment", server(args=["run", "train"]), "runs slipway serve"),
    "a second container": ("Deployment", second_container, "server-images"),
    "a hook": ("Deployment", server(lifecycle={"postStart": EXEC}), "runs no command"),
    "a probe that runs a command": ("Deployment", server(livenessProbe=EXEC), "runs no command"),
    "any Secret as a volume": ("Deployment", volume(secret={"secretName": "x"}), "server-secrets"),
    "any claim": (
        "Deployment",
        volume(persistentVolumeClaim={"claimName": "x"}),
        "log-claims",
    ),
    "the store's keys for the server": (
        "Deployment",
        reads_from(secretRef={"name": "slipway-secrets"}),
        "secrets",
    ),
    "a key of a Secret": (
        "Deployment",
        server(env=[{"name": "SLIPWAY_SCRATCH", "valueFrom": SECRET}]),
        "without a reference",
    ),
    "another registry of models": (
        "Deployment",
        server(env=[{"name": "SLIPWAY_MLFLOW", "value": "http://evil:5000"}]),
        "one that Slipway sets",
    ),
    "another account": (
        "Deployment",
        lambda one: pod_spec(one).update(serviceAccountName="default"),
        "account of servers",
    ),
    "a token": (
        "Deployment",
        lambda one: pod_spec(one).update(automountServiceAccountToken=True),
        "no token",
    ),
    "the place of the system's pods": (
        "Deployment",
        lambda one: pod_spec(one).update(priorityClassName="system-node-critical"),
        "before no pod of the system",
    ),
    "a label that others trust": ("Deployment", pod_label("team", "billing"), "labels of Slipway"),
    "an outside address": ("Service", service(externalIPs=["10.0.0.1"]), "outside address"),
    "an outside name": (
        "Service",
        service(type="ExternalName", externalName="evil.example.org"),
        "outside address",
    ),
    "a port of every node": ("Service", service(type="NodePort"), "outside address"),
    "requests for other pods": ("Service", service(selector={"app": "x"}), "servers of its model"),
    "paths of other applications": ("HTTPRoute", matched("/"), "paths of its model"),
    "paths of a model with a longer name": (
        "HTTPRoute",
        matched("/v2/models/flight_delay_2"),
        "paths of its model",
    ),
    "a backend elsewhere": ("HTTPRoute", backend(namespace="slipway"), "Services of its namespace"),
    "an object without labels": (
        "Service",
        lambda one: one["metadata"].pop("labels"),
        "bears Slipway's labels",
    ),
    "an object of no model": ("Deployment", owner("slipway/model", ""), "bears Slipway's labels"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_rollout_can_make_nothing_else(policed: PolicedObjects, attack: str) -> None:
    """Each object that would do more than serve its model is refused, new or changed."""
    kind, change, reason = ATTACKS[attack]
    good = of_kind(kind, "gateway" if kind == "HTTPRoute" else "plain")
    assert reason in policed.refusal(policed.create, changed(good, change), user=ROLLOUT)
    made = policed.create(good, user=ROLLOUT)
    assert reason in policed.refusal(policed.update, changed(made, change), user=ROLLOUT)


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodDisruptionBudget", "HTTPRoute"])
def test_a_rollout_takes_no_object_of_others(policed: PolicedObjects, kind: str) -> None:
    """It neither changes nor deletes an object without the labels, and cannot give it them."""
    good = of_kind(kind, "gateway")
    others = policed.create(changed(good, lambda one: one["metadata"].pop("labels")), user=ADMIN)
    taken = changed(others, lambda one: one["metadata"].update(labels=good["metadata"]["labels"]))
    for act in (policed.update, policed.delete):
        given = taken if act == policed.update else others
        reason = policed.refusal(act, given, user=ROLLOUT)
        assert "only objects with Slipway's labels" in reason


def test_a_rollout_of_one_model_takes_no_object_of_another(policed: PolicedObjects) -> None:
    """The label of the model stays what it was."""
    made = policed.create(of_kind("Service"), user=ROLLOUT)
    other = changed(made, owner("slipway/model", "fraud"))
    assert "same model" in policed.refusal(policed.update, other, user=ROLLOUT)

    def serve_other(one: Manifest) -> None:
        pod_label("slipway/model", "fraud")(one)
        one["spec"]["selector"]["matchLabels"]["slipway/model"] = "fraud"

    disguised = changed(of_kind("Deployment"), serve_other)
    assert "of its model" in policed.refusal(policed.create, disguised, user=ROLLOUT)


@pytest.mark.parametrize("namespace", ["slipway", "slipway-stages"])
def test_a_rollout_changes_the_namespace_of_servers_only(
    policed: PolicedObjects, namespace: str
) -> None:
    """Even if a Role allowed it elsewhere."""
    for kind in ("Deployment", "Service"):
        moved = changed(of_kind(kind), lambda one: one["metadata"].update(namespace=namespace))
        assert "namespace of servers" in policed.refusal(policed.create, moved, user=ROLLOUT)


def test_what_an_administrator_adds_stops_no_rollout(policed: PolicedObjects) -> None:
    """A sidecar, a volume, a label and a variable of others stay when a rollout writes."""
    made = policed.create(of_kind("Deployment"), user=ROLLOUT)

    def add(one: Manifest) -> None:
        second_container(one)
        volume(configMap={"name": "mesh"})(one)
        pod_label("mesh", "on")(one)
        pod_spec(one)["containers"][0].setdefault("env", []).append({"name": "AGENT", "value": "1"})

    with_sidecar = policed.update(changed(made, add), user=ADMIN)
    written = changed(with_sidecar, server(image=f"{IMAGE}2"))
    written["spec"]["replicas"] = 3
    policed.update(written, user=ROLLOUT)
    worse = changed(written, lambda one: pod_spec(one)["containers"][1].update(image="evil:2"))
    worse["metadata"].pop("resourceVersion")
    assert "server-images" in policed.refusal(policed.update, worse, user=ROLLOUT)


def test_only_a_replica_set_makes_pods_of_servers(policed: PolicedObjects) -> None:
    """A pod by another hand, with another account or label, is refused."""
    template = of_kind("Deployment")["spec"]["template"]
    meta = {"name": "pod", "namespace": "slipway-serving", **template["metadata"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
    assert "only a ReplicaSet" in policed.refusal(policed.create, pod, user=ROLLOUT)
    controller = "system:serviceaccount:kube-system:replicaset-controller"
    for change, reason in (
        (lambda one: one["spec"].update(serviceAccountName="default"), "account of servers"),
        (lambda one: one["metadata"]["labels"].clear(), "slipway-server"),
    ):
        assert reason in policed.refusal(policed.create, changed(pod, change), user=controller)
    made = policed.create(pod, user=controller)
    assert made["metadata"]["name"] == "pod"
