"""A pod's volumes as folders of this machine, and its paths rewritten to them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Get = Callable[[str, str], dict[str, Any] | None]


class NotMounted(Exception):
    """A volume's source is not there; the kubelet tries again."""


@dataclass(frozen=True)
class Sources:
    """What volumes are filled from.

    Args:
        get: ConfigMap or Secret by kind and name, in the pod's namespace; None: not there.
        pod: The pod, for downward API fields.
    """

    get: Get
    pod: Mapping[str, Any]

    def data(self, kind: str, name: str, *, optional: bool) -> dict[str, bytes]:
        """Keys and bytes of a ConfigMap or Secret.

        Raises:
            NotMounted: It is not there, and not optional.
        """
        found = self.get(kind, name)
        if found is None and not optional:
            raise NotMounted(f'{kind.lower()} "{name}" not found')
        return contents(found or {})

    def field(self, path: str) -> str:
        """A field of the pod, as the downward API gives it."""
        return pod_field(self.pod, path)


def contents(obj: Mapping[str, Any]) -> dict[str, bytes]:
    """Keys and bytes of a ConfigMap or Secret."""
    if obj.get("kind") == "Secret":
        found = {key: base64.b64decode(text) for key, text in (obj.get("data") or {}).items()}
        return found | {key: text.encode() for key, text in (obj.get("stringData") or {}).items()}
    found = {key: text.encode() for key, text in (obj.get("data") or {}).items()}
    return found | {
        key: base64.b64decode(text) for key, text in (obj.get("binaryData") or {}).items()
    }


def pod_field(pod: Mapping[str, Any], path: str) -> str:
    """A field of a pod by its path, such as `metadata.labels['app']`."""
    keyed = re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path)
    if keyed:
        return str((pod["metadata"].get(keyed[1]) or {}).get(keyed[2], ""))
    value: Any = pod
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, Mapping):
        return "\n".join(f"{key}={json.dumps(text)}" for key, text in sorted(value.items()))
    return "" if value is None else str(value)


def lay_out(volumes: Sequence[Mapping[str, Any]], root: Path, sources: Sources) -> dict[str, Path]:
    """The host folder of each volume, filled.

    Raises:
        NotMounted: A source is not there, or of a kind that the double has not.
    """
    folders = {}
    for volume in volumes:
        folder = root / volume["name"]
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _fill(volume, folder, sources)
        except NotMounted as problem:
            raise NotMounted(
                f'MountVolume.SetUp failed for volume "{volume["name"]}" : {problem}'
            ) from None
        folders[volume["name"]] = folder
    return folders


def _fill(volume: Mapping[str, Any], folder: Path, sources: Sources) -> None:
    kind = next(key for key in volume if key != "name")
    source = volume[kind] or {}
    if kind == "emptyDir":
        return
    if kind not in {"configMap", "secret", "projected", "downwardAPI"}:
        raise NotMounted(f"the double has no volumes of the kind {kind}")
    for one in source.get("sources", ()) if kind == "projected" else [{kind: source}]:
        for path, data in _files(one, sources).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def _files(source: Mapping[str, Any], sources: Sources) -> dict[str, bytes]:
    [(kind, detail)] = source.items()
    if kind == "downwardAPI":
        return {
            item["path"]: sources.field(item["fieldRef"]["fieldPath"]).encode()
            for item in detail.get("items") or ()
        }
    if kind == "serviceAccountToken":
        return {detail["path"]: b"token of the double"}
    api_kind = {"configMap": "ConfigMap", "secret": "Secret"}.get(kind)
    if api_kind is None:
        raise NotMounted(f"the double projects nothing of the kind {kind}")
    name = detail.get("secretName") or detail.get("name")
    data = sources.data(api_kind, name, optional=detail.get("optional", False))
    if not detail.get("items"):
        return data
    missing = [item["key"] for item in detail["items"] if item["key"] not in data]
    if missing and not detail.get("optional", False):
        raise NotMounted(f"references non-existent {api_kind.lower()} key: {missing[0]}")
    return {item["path"]: data[item["key"]] for item in detail["items"] if item["key"] in data}


class Rewriting:
    """Turns a container's paths and addresses into those of this machine.

    Args:
        mounts: The container's `volumeMounts`.
        folders: Host folder of each volume.
        address: The pod's address; stands for `0.0.0.0`.
        shared: A host folder; paths below its topmost part are this machine's as they are.
    """

    def __init__(
        self,
        mounts: Sequence[Mapping[str, Any]],
        folders: Mapping[str, Path],
        *,
        address: str,
        shared: Path,
    ) -> None:
        self._address = address
        self._hosts = {
            mount["mountPath"].rstrip("/"): _host_folder(mount, folders) for mount in mounts
        }
        patterns = [_mounted(path, shared) for path in sorted(self._hosts, key=len, reverse=True)]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def __call__(self, text: str) -> str:
        """The text with every path below a mount, and `0.0.0.0`, replaced."""
        found = text.replace("0.0.0.0", self._address)  # noqa: S104 - what a pod listens on
        if self._pattern is None:
            return found
        return self._pattern.sub(lambda match: str(self._hosts[match[0]]), found)

    def host_folder(self, path: str) -> Path | None:
        """The host folder that is mounted at a path; None: nothing is."""
        return self._hosts.get(path)


def _host_folder(mount: Mapping[str, Any], folders: Mapping[str, Path]) -> Path:
    folder = folders[mount["name"]]
    below = mount.get("subPath")
    if not below:
        return folder
    target = folder / str(below)
    if not target.exists():
        target.mkdir(parents=True)
    return target


def _mounted(path: str, shared: Path) -> str:
    """A pattern for a mount's path, wherever it stands as whole names of a path.

    A pod's `/tmp` is its own, yet what a test hands over may lie in the machine's `/tmp`: what
    lies next to the cluster's own folder is left alone.
    """
    own = ""
    if shared.is_relative_to(path) and shared != Path(path):
        own = rf"(?!/{re.escape(shared.relative_to(path).parts[0])}(?:/|\W|$))"
    begin = r"(?:(?<![\w./-])|(?<=://)|(?<=:///))"
    return rf"{begin}{re.escape(path)}(?![\w.-]){own}"
