"""Secrets and ConfigMaps that a server's pod reads as files: volumes, mounts and variables.

None is optional: a server without its tokens file would answer requests without a token, and one
without its trusted keys would serve an unsigned version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from slipway.spec.cluster import Cluster

READABLE_BY_GROUP = 0o440


@dataclass(frozen=True)
class MountedFile:
    """A file, or a folder of files, of a container.

    Attributes:
        name: Name of its volume.
        mount: Folder that it is mounted at.
        variable: Setting that names it.
        path: Value of that setting.
        volume: Volume that it comes from.
    """

    name: str
    mount: str
    variable: str
    path: str
    volume: dict[str, Any]


def server_files(cluster: Cluster) -> list[MountedFile]:
    """Return what the server reads."""
    secrets = [
        _secret("tokens", cluster.tokens_secret, entry="tokens", variable="SLIPWAY_TOKENS_FILE"),
        _secret("pii", cluster.pii_key_secret, entry="key", variable="SLIPWAY_PII_KEY_FILE"),
    ]
    return [*(one for one in secrets if one is not None), *trusted_keys(cluster)]


def trusted_keys(cluster: Cluster) -> list[MountedFile]:
    """Return the public keys, which the download reads as well; empty where none is required."""
    if cluster.trusted_keys_config is None:
        return []
    mount, name = "/etc/slipway/keys", cluster.trusted_keys_config
    volume = {"name": "keys", "configMap": {"name": name, "defaultMode": READABLE_BY_GROUP}}
    return [MountedFile("keys", mount, "SLIPWAY_TRUSTED_KEYS", mount, volume)]


def _secret(name: str, secret: str | None, *, entry: str, variable: str) -> MountedFile | None:
    if secret is None:
        return None
    mount = f"/etc/slipway/{name}"
    source = {
        "secretName": secret,
        "defaultMode": READABLE_BY_GROUP,
        "items": [{"key": entry, "path": entry}],
    }
    volume = {"name": name, "secret": source}
    return MountedFile(name, mount, variable, f"{mount}/{entry}", volume)
