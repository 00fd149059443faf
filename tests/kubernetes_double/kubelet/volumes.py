"""Volumes of a pod as folders of this machine, and the rewriting of its paths."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Get = Callable[[str, str], dict[str, Any] | None]


class NotMounted(Exception):
    """The source of a volume is missing; the kubelet retries."""


def contents(obj: Mapping[str, Any]) -> dict[str, bytes]:
    """Keys and bytes of a ConfigMap or Secret."""
    data = obj.get("data") or {}
    if obj.get("kind") == "Secret":
        return {key: base64.b64decode(text) for key, text in data.items()}
    return {key: text.encode() for key, text in data.items()}


def lay_out(
    volumes: Sequence[Mapping[str, Any]], root: Path, get: Get, *, claims: Path
) -> dict[str, Path]:
    """Host folder of each volume, filled.

    Args:
        volumes: Volumes of the pod.
        root: Folder of the pod.
        get: Returns an object of the pod's namespace by kind and name, or None.
        claims: Folder of the claims of the pod's namespace.

    Raises:
        NotMounted: A source is missing, or of an unsupported kind.
    """
    folders = {}
    for volume in volumes:
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        folder = root / volume["name"] if claim is None else claims / claim
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _fill(volume, folder, get)
        except NotMounted as problem:
            raise NotMounted(
                f'MountVolume.SetUp failed for volume "{volume["name"]}" : {problem}'
            ) from None
        folders[volume["name"]] = folder
    return folders


def _fill(volume: Mapping[str, Any], folder: Path, get: Get) -> None:
    kind = next(key for key in volume if key != "name")
    if kind == "emptyDir":
        return
    if kind == "persistentVolumeClaim":
        name = volume[kind]["claimName"]
        if get("PersistentVolumeClaim", name) is None:
            raise NotMounted(f'persistentvolumeclaim "{name}" not found')
        return
    api_kind = {"configMap": "ConfigMap", "secret": "Secret"}.get(kind)
    if api_kind is None:
        raise NotMounted(f"the double has no volumes of the kind {kind}")
    for path, data in _files(api_kind, volume[kind], get).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _files(kind: str, source: Mapping[str, Any], get: Get) -> dict[str, bytes]:
    name = source.get("secretName") or source["name"]
    obj, is_optional = get(kind, name), source.get("optional", False)
    if obj is None and not is_optional:
        raise NotMounted(f'{kind.lower()} "{name}" not found')
    data = contents(obj or {})
    if not source.get("items"):
        return data
    missing = [item["key"] for item in source["items"] if item["key"] not in data]
    if missing and not is_optional:
        raise NotMounted(f"references non-existent {kind.lower()} key: {missing[0]}")
    return {item["path"]: data[item["key"]] for item in source["items"] if item["key"] in data}


def mount(
    mounts: Sequence[Mapping[str, Any]], folders: Mapping[str, Path], expand: Callable[[str], str]
) -> dict[str, Path]:
    """Host folder of each mount path, with the folders of subpaths made.

    A mount inside another one is a link there, since processes join paths themselves.

    Args:
        mounts: The container's `volumeMounts`.
        folders: Host folder of each volume.
        expand: Expands variables of the container in a `subPathExpr`.
    """
    hosts: dict[str, Path] = {}
    for one in sorted(mounts, key=lambda it: len(it["mountPath"])):
        path = one["mountPath"].rstrip("/")
        folder = folders[one["name"]] / expand(one.get("subPathExpr") or one.get("subPath") or "")
        folder.mkdir(parents=True, exist_ok=True)
        for outer in sorted((it for it in hosts if path.startswith(f"{it}/")), key=len)[-1:]:
            link = hosts[outer] / path.removeprefix(f"{outer}/")
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(folder)
        hosts[path] = folder
    return hosts


class PathRewriter:
    """Rewrites a container's paths and addresses to those of this machine.

    Args:
        hosts: Host folder of each mount path of the container.
        address: Address of the pod, which replaces `0.0.0.0`.
        shared: A host folder; paths below its topmost part are not rewritten.
    """

    def __init__(
        self,
        hosts: Mapping[str, Path],
        *,
        address: str,
        shared: Path,
    ) -> None:
        self._address = address
        self._hosts = hosts
        patterns = [_mounted(path, shared) for path in sorted(self._hosts, key=len, reverse=True)]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def __call__(self, text: str) -> str:
        """The text with paths below mounts and `0.0.0.0` replaced."""
        found = text.replace("0.0.0.0", self._address)  # noqa: S104 - what a pod listens on
        if self._pattern is None:
            return found
        return self._pattern.sub(lambda match: str(self._hosts[match[0]]), found)

    def host_folder(self, path: str) -> Path | None:
        """Host folder of a mount path, or None."""
        return self._hosts.get(path)


def _mounted(path: str, shared: Path) -> str:
    """A pattern for a mount's path as whole path components.

    A pod has its own `/tmp`, yet files of a test may be in the machine's `/tmp`: paths
    beside the cluster's folder are not rewritten.
    """
    own = ""
    if shared.is_relative_to(path) and shared != Path(path):
        own = rf"(?!/{re.escape(shared.relative_to(path).parts[0])}(?:/|\W|$))"
    begin = r"(?:(?<![\w./-])|(?<=://)|(?<=:///))"
    return rf"{begin}{re.escape(path)}(?![\w.-]){own}"
