"""Discovery documents: version, groups and resources."""

from __future__ import annotations

from typing import Any

from tests.kubernetes_double.api.kinds import GATEWAY, KINDS, Kind
from tests.kubernetes_double.api.schema import RELEASE

_VERBS = ["create", "delete", "get", "list", "patch", "watch"]
_MAJOR, _MINOR = RELEASE.split(".")


def document(path: str, *, gateway: bool) -> dict[str, Any] | None:
    """The discovery document at a path, or None."""
    parts = [part for part in path.split("/") if part]
    groups = sorted(
        {kind.group for kind in KINDS if kind.group and (gateway or kind.group != GATEWAY)}
    )
    documents = {
        ("version",): _version(),
        ("api",): {"kind": "APIVersions", "versions": ["v1"]},
        ("apis",): {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(group) for group in groups],
        },
        ("api", "v1"): _resources("", "v1"),
    }
    for group in groups:
        documents["apis", group] = {"kind": "APIGroup", "apiVersion": "v1"} | _group(group)
        documents["apis", group, "v1"] = _resources(group, f"{group}/v1")
    return documents.get(tuple(parts))


def _version() -> dict[str, Any]:
    return {
        "major": _MAJOR,
        "minor": _MINOR,
        "gitVersion": f"v{RELEASE}.0",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


def _group(group: str) -> dict[str, Any]:
    version = {"groupVersion": f"{group}/v1", "version": "v1"}
    return {"name": group, "versions": [version], "preferredVersion": version}


def _resources(group: str, version: str) -> dict[str, Any]:
    found = [row for kind in KINDS if kind.group == group for row in _rows(kind)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": found,
    }


def _rows(kind: Kind) -> list[dict[str, Any]]:
    row: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.name.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": _VERBS,
    }
    if kind.short:
        row["shortNames"] = list(kind.short)
    return [row, *(_subresource(kind, name) for name in kind.subresources)]


def _subresource(kind: Kind, name: str) -> dict[str, Any]:
    verbs = {"log": ["get"]}.get(name, ["get", "patch"])
    return {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": verbs,
    }
