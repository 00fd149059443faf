"""Name resolution from the double's hosts file, read at each look-up.

Standard library only: every Python process of every pod imports it. Programs that resolve names
without Python's `socket` (uvloop, Rust clients) do not find these names.
"""

from __future__ import annotations

import os
import socket
from typing import Any

HOSTS = "SLIPWAY_DOUBLE_HOSTS"
NAMESPACE = "SLIPWAY_DOUBLE_NAMESPACE"
ORIGINAL = socket.getaddrinfo


def full_name(host: str, namespace: str) -> str:
    """The key of a name in the hosts file: `svc.namespace`, for every form of it."""
    name = host.rstrip(".").lower()
    for suffix in (".cluster.local", ".svc"):
        name = name.removesuffix(suffix)
    return name if "." in name else f"{name}.{namespace}"


def look_up(host: str) -> list[str] | None:
    """Addresses of a cluster's name, maybe none; None: another name."""
    import json

    path = os.environ.get(HOSTS)
    if not path:
        return None
    try:
        # An import of pathlib would slow down every process of every pod.
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            hosts = json.load(file)
    except FileNotFoundError:
        return None
    found = hosts.get(full_name(host, os.environ.get(NAMESPACE, "slipway")))
    return None if found is None else [str(address) for address in found]


def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> list[Any]:
    """`socket.getaddrinfo` with the cluster's names first."""
    name = host.decode() if isinstance(host, bytes) else host
    addresses = look_up(name) if isinstance(name, str) else None
    if addresses is None:
        return ORIGINAL(host, port, *args, **options)
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [each for address in addresses for each in ORIGINAL(address, port, *args, **options)]


def install() -> None:
    """Resolve names of this process from the hosts file."""
    socket.getaddrinfo = getaddrinfo


def remove() -> None:
    """Restore the name resolution of this process."""
    socket.getaddrinfo = ORIGINAL
