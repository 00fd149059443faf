"""The pod of a stage: name, labels, command, environment and security context.

Pure. Used in workers, and at parse by DAGs of specs with `runtime: kubernetes`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from typing import Any

from kubernetes.client import models as k8s  # noqa: TID253

from slipway.orchestration.pods.key_files import key_files
from slipway.settings import split_userinfo

NAME_LIMIT = 63
NOT_A_LABEL = re.compile(r"[^A-Za-z0-9._-]+")
USER = 10001
SCRATCH = "/var/slipway/scratch"
EMPTY_FOLDERS = {"tmp": "/tmp", "scratch": SCRATCH}  # noqa: S108
ADDRESSES = ("SLIPWAY_STORE", "SLIPWAY_MLFLOW", "SLIPWAY_PLATFORM", "SLIPWAY_PROMETHEUS_URL")
APP = "app.kubernetes.io/name"
STAGE_APP = "slipway-stage"
INSTALLATION = "slipway/installation"
ORIGIN = "slipway/origin"
KEPT_MINUTES = "slipway/kept-minutes"


def operator_arguments(
    pods: Mapping[str, Any], *, stage: str, acts_on_cluster: bool
) -> dict[str, Any]:
    """Return the arguments of `KubernetesPodOperator` for the pod of a spec.

    Args:
        pods: The `pods` section of the spec.
        stage: Name of the stage.
        acts_on_cluster: Whether the pod gets the rollout's service account and its API token.
    """
    amounts = dict(pods["resources"])
    keys = key_files(pods, stage=stage, acts_on_cluster=acts_on_cluster)
    account = "rollout_service_account" if acts_on_cluster else "service_account"
    return {
        "kubernetes_conn_id": pods["connection"],
        "namespace": pods["namespace"],
        "image": pods["image"],
        "image_pull_policy": "IfNotPresent",
        "cmds": ["slipway"],
        "random_name_suffix": False,
        "service_account_name": pods[account],
        "automount_service_account_token": acts_on_cluster,
        "node_selector": dict(pods["node_selector"]),
        "container_resources": k8s.V1ResourceRequirements(requests=amounts, limits=amounts),
        "env_from": [
            k8s.V1EnvFromSource(
                config_map_ref=k8s.V1ConfigMapEnvSource(name=pods["config"], optional=True)
            ),
            k8s.V1EnvFromSource(
                secret_ref=k8s.V1SecretEnvSource(name=pods["secret"], optional=True)
            ),
        ],
        "volumes": [
            k8s.V1Volume(name=name, empty_dir=k8s.V1EmptyDirVolumeSource())
            for name in EMPTY_FOLDERS
        ]
        + [one.volume for one in keys],
        "volume_mounts": [
            k8s.V1VolumeMount(name=name, mount_path=path) for name, path in EMPTY_FOLDERS.items()
        ]
        + [one.volume_mount for one in keys],
        "security_context": k8s.V1PodSecurityContext(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
        ),
        "container_security_context": k8s.V1SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=k8s.V1Capabilities(drop=["ALL"]),
        ),
        "active_deadline_seconds": pods["deadline_seconds"],
        "startup_timeout_seconds": pods["startup_seconds"],
        # Without a termination message, Kubernetes reports the last lines of the log.
        "termination_message_policy": "FallbackToLogsOnError",
    }


def environment(origin: Mapping[str, Any]) -> dict[str, str]:
    """Return the pod's variables, besides those of its ConfigMap and Secret.

    Addresses are passed on from the environment of Airflow's process, without user and password:
    all that is allowed to read pods reads these. A pod gets them from its Secret.

    Args:
        origin: Origin of the stage's run.
    """
    # An empty one would hide the address that the ConfigMap has.
    addresses = {
        name: split_userinfo(os.environ[name])[0] for name in ADDRESSES if os.environ.get(name)
    }
    folders = {"SLIPWAY_SCRATCH": SCRATCH, "HOME": SCRATCH}
    return {**addresses, **folders, "SLIPWAY_ORIGIN": json.dumps(dict(origin), sort_keys=True)}


def command_line(inputs: Mapping[str, Any]) -> list[str]:
    """Return a stage's inputs as options of `slipway run`, without empty ones."""
    words: list[str] = []
    for name, value in inputs.items():
        if value not in (None, ""):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def labels(stage: str, inputs: Mapping[str, Any], *, run: str, store_root: str) -> dict[str, str]:
    """Return the labels of a pod, equal for all tries of its task.

    Args:
        stage: Name of the stage.
        inputs: Inputs of the stage; `model` or `dataset` among them.
        run: Recorded run, or the DAG run where that is not known yet.
        store_root: Store of the installation; distinguishes installations in one namespace.
    """
    kind = "model" if "model" in inputs else "dataset"
    return {
        APP: STAGE_APP,
        "app.kubernetes.io/managed-by": "slipway",
        f"slipway/{kind}": label(str(inputs[kind])),
        "slipway/stage": label(stage),
        "slipway/run": label(run),
        INSTALLATION: installation(store_root),
    }


def installation(store_root: str) -> str:
    """Return the label of an installation, a digest of its store's root."""
    return hashlib.sha256(store_root.encode()).hexdigest()[:12]


def pod_name(origin: Mapping[str, Any], inputs: Mapping[str, Any], *, store_root: str) -> str:
    """Return the name of a try's pod: deterministic, at most 63 characters.

    Args:
        origin: DAG, run, task, map index and try.
        inputs: Inputs of the stage; `model` or `dataset` among them.
        store_root: Store of the installation.
    """
    identity = (store_root, *(origin[name] for name in ("dag_id", "run_id", "task_id")))
    known = hashlib.sha256("\n".join(identity).encode()).hexdigest()[:10]
    index = int(origin["map_index"])
    parts = [known, str(index), str(origin["try_number"])]
    tail = "-" + "-".join(parts if index >= 0 else [known, str(origin["try_number"])])
    subject = inputs.get("model", inputs.get("dataset"))
    words = re.sub(r"[^a-z0-9]+", "-", f"{subject}-{origin['task_id']}".lower()).strip("-")
    return words[: NAME_LIMIT - len(tail)].rstrip("-") + tail


def attempt_of(name: str) -> int:
    """Return the try in a pod's name."""
    return int(name.rpartition("-")[2])


def label(text: str) -> str:
    """Return text as a valid label value."""
    return NOT_A_LABEL.sub("-", text)[:NAME_LIMIT].strip("-._")
