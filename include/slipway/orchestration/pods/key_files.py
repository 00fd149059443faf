"""Keys of an installation in the pods of stages.

All have the public ones, few the private one; where a model runs there are those of personal
columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes.client import models as k8s  # noqa: TID253

from slipway.wiring.stage_table import find_stage

SIGNS_VERSIONS = "promote_challenger"
SIGN_STATES = frozenset({"reconcile", "shift", "switch", "promote_champion"})
"""Stages that write a desired state into the store, where no cluster keeps it."""

READABLE_BY_GROUP = 0o440


@dataclass(frozen=True)
class KeyFile:
    """Keys that a pod mounts; the pod does not start without their object.

    Attributes:
        variable: Setting that names them.
        path: Value of that setting.
        volume: Volume that they come from.
        volume_mount: Where it is mounted.
    """

    variable: str
    path: str
    volume: k8s.V1Volume
    volume_mount: k8s.V1VolumeMount


def key_files(pods: Mapping[str, Any], *, stage: str, acts_on_cluster: bool) -> list[KeyFile]:
    """Return the keys that the pod of a stage mounts.

    Args:
        pods: The `pods` section of the spec.
        stage: Name of the stage.
        acts_on_cluster: Whether it changes the traffic on a cluster, and not in the store.
    """
    signs = stage == SIGNS_VERSIONS or (stage in SIGN_STATES and not acts_on_cluster)
    found = []
    if name := pods.get("trusted_keys_config"):
        source = k8s.V1ConfigMapVolumeSource(name=name, default_mode=READABLE_BY_GROUP)
        volume = k8s.V1Volume(name="trusted-keys", config_map=source)
        mount = _mount(volume)
        found.append(KeyFile("SLIPWAY_TRUSTED_KEYS", mount.mount_path, volume, mount))
    if signs and (name := pods.get("signing_key_secret")):
        found.append(_secret("SLIPWAY_SIGNING_KEY", "signing-key", name))
    if find_stage(stage).personal_keys and (name := pods.get("pii_key_secret")):
        found.append(_secret("SLIPWAY_PII_KEY_FILE", "personal-keys", name))
    return found


def _secret(variable: str, volume_name: str, name: str) -> KeyFile:
    """The entry `key` of a Secret as a file."""
    secret = k8s.V1SecretVolumeSource(
        secret_name=name,
        default_mode=READABLE_BY_GROUP,
        items=[k8s.V1KeyToPath(key="key", path="key")],
    )
    volume = k8s.V1Volume(name=volume_name, secret=secret)
    mount = _mount(volume)
    return KeyFile(variable, f"{mount.mount_path}/key", volume, mount)


def _mount(volume: k8s.V1Volume) -> k8s.V1VolumeMount:
    path = f"/etc/slipway/{volume.name}"
    return k8s.V1VolumeMount(name=volume.name, mount_path=path, read_only=True)
