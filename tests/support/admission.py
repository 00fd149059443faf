"""Admission rules of a cluster: Kubernetes' schemas, HTTPRoute's, and restricted Pod Security.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ and, beyond it, the
project's own rules: a read-only root file system, and no service account token.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import kubernetes_validate

KUBERNETES = ("1.34", "1.35", "1.36")

# HTTPRoute v1 after its CRD, as far as it is used here; a field that is not listed is refused.
NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _many(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
ROUTE = _object(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "gateway.networking.k8s.io/v1"},
    kind={"const": "HTTPRoute"},
    metadata=_object(
        ["name", "namespace", "labels"],
        name=NAME,
        namespace=NAME,
        resourceVersion={"type": "string"},
        labels=TEXTS,
        annotations=TEXTS,
    ),
    spec=_object(
        ["parentRefs", "rules"],
        parentRefs=_many(
            _object(
                ["name"],
                group={"const": "gateway.networking.k8s.io"},
                kind={"const": "Gateway"},
                name=NAME,
                namespace=NAME,
            ),
            32,
        ),
        # Unlike the others it may be empty, which is all hosts.
        hostnames={**_many({"type": "string", "maxLength": 253}, 16), "minItems": 0},
        rules=_many(
            _object(
                ["matches", "backendRefs"],
                matches=_many(
                    _object(
                        ["path"],
                        path=_object(
                            ["type", "value"],
                            type={"enum": ["Exact", "PathPrefix", "RegularExpression"]},
                            value={"type": "string", "pattern": "^/", "maxLength": 1024},
                        ),
                    ),
                    64,
                ),
                backendRefs=_many(
                    _object(
                        ["name", "port"],
                        group={"const": ""},
                        kind={"const": "Service"},
                        name=NAME,
                        port={"type": "integer", "minimum": 1, "maximum": 65535},
                        weight={"type": "integer", "minimum": 0, "maximum": 1_000_000},
                    ),
                    16,
                ),
            ),
            16,
        ),
    ),
)


def validate(manifest: dict[str, Any], version: str) -> None:
    """Raise for fields that a cluster of that version would refuse or silently drop."""
    if manifest["kind"] == "HTTPRoute":
        jsonschema.validate(manifest, ROUTE)
    else:
        _read_schemas_once()
        kubernetes_validate.validate(manifest, version, strict=True)


@functools.cache
def _read_schemas_once() -> None:
    """Keep what the package reads anew for every manifest: two files, one of a megabyte."""
    read = kubernetes_validate.utils.schema_contents
    kubernetes_validate.utils.schema_contents = functools.cache(read)


VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}

SECCOMP = {"RuntimeDefault", "Localhost"}


def objections(pod: Mapping[str, Any]) -> list[str]:
    """Violations that an admission controller would report."""
    return [*_pod(pod), *(text for one in _containers(pod) for text in _container(pod, one))]


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [one for kind in kinds for one in pod.get(kind, [])]


def _pod(pod: Mapping[str, Any]) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield name
    if pod.get("securityContext", {}).get("sysctls"):
        yield "sysctls"
    if pod.get("automountServiceAccountToken", True):
        yield "a token of the API"
    for volume in pod.get("volumes", []):
        if volume.keys() - {"name"} - VOLUMES:
            yield f"volume {volume['name']}"


def _container(pod: Mapping[str, Any], container: Mapping[str, Any]) -> list[str]:
    own = container.get("securityContext", {})
    both = {**pod.get("securityContext", {}), **own}
    capabilities = own.get("capabilities", {})
    found = {
        "may be root": both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0,
        "has no seccomp profile": both.get("seccompProfile", {}).get("type") not in SECCOMP,
        "is privileged": own.get("privileged", False),
        "may gain privileges": own.get("allowPrivilegeEscalation") is not False,
        "keeps capabilities": "ALL" not in capabilities.get("drop", []),
        "gains capabilities": set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"},
        "may write to its image": own.get("readOnlyRootFilesystem") is not True,
        "takes a port of its node": any("hostPort" in one for one in container.get("ports", [])),
        "sees more of /proc": own.get("procMount", "Default") != "Default",
    }
    return [f"{container['name']} {text}" for text, is_so in found.items() if is_so]
