"""Pods of stages as Airflow sends them, and changes of them that a policy has to judge."""

from __future__ import annotations

import functools
import itertools
from typing import Any

from slipway.wiring.stage_table import STAGES
from tests.dags.pods import built, pod_task
from tests.support.policed_objects import (
    Change,
    Manifest,
    changed,
)

NUMBERS = itertools.count(1)

STORE, MLFLOW = "s3://bucket/store", "http://slipway-mlflow.slipway:5000"

TOKEN_VOLUME = {
    "name": "kube-api-access-x7k2p",
    "projected": {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {
                "configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                }
            },
            {
                "downwardAPI": {
                    "items": [
                        {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
                    ]
                }
            },
        ],
    },
}
"""The volume that a real API server adds to a pod with a token."""


@functools.cache
def written(stage: str, *, acts: bool) -> Manifest:
    """The pod of a stage as Airflow sends it."""
    inputs = {one.name: "3" for one in STAGES[stage].inputs}
    inputs |= {"model": "delay"} if stage != "ingest" else {}
    return built(pod_task(task_id=stage, stage=stage, inputs=inputs, acts_on_cluster=acts))


def pod_of(stage: str = "train", *, acts: bool = False) -> Manifest:
    """The pod of a stage, under a name of its own, with what admission adds to it."""

    def admitted(pod: Manifest) -> None:
        pod["metadata"]["name"] = f"pod-{next(NUMBERS)}"
        pod["metadata"]["labels"]["airflow_kpo_in_cluster"] = "True"
        pod["spec"]["tolerations"] = [
            {"key": f"node.kubernetes.io/{one}", "operator": "Exists", "effect": "NoExecute"}
            for one in ("not-ready", "unreachable")
        ]
        if acts:
            pod["spec"]["volumes"].append(TOKEN_VOLUME)
            where = "/var/run/secrets/kubernetes.io/serviceaccount"
            mount = {"name": TOKEN_VOLUME["name"], "mountPath": where, "readOnly": True}
            pod["spec"]["containers"][0]["volumeMounts"].append(mount)

    return changed(written(stage, acts=acts), admitted)


def container(**fields: Any) -> Change:
    """A change of the pod's container."""
    return lambda pod: pod["spec"]["containers"][0].update(fields)


def spec(**fields: Any) -> Change:
    """A change of the pod's spec."""
    return lambda pod: pod["spec"].update(fields)


def volume(**source: Any) -> Change:
    """A further volume, which the container mounts."""

    def add(pod: Manifest) -> None:
        pod["spec"]["volumes"].append({"name": "more", **source})
        mount = {"name": "more", "mountPath": "/more"}
        pod["spec"]["containers"][0]["volumeMounts"].append(mount)

    return add


def variable(name: str, **given: Any) -> Change:
    """A further variable."""
    return lambda pod: pod["spec"]["containers"][0]["env"].append({"name": name, **given})


def reads_from(**source: Any) -> Change:
    """Variables from a further object."""
    return lambda pod: pod["spec"]["containers"][0]["envFrom"].append(source)


def label(name: str, text: str) -> Change:
    """Another label."""
    return lambda pod: pod["metadata"]["labels"].update({name: text})


AUDIENCE = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "path": "token"}}
