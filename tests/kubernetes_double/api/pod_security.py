"""The restricted Pod Security standard with the messages of the real admission.

Source: `k8s.io/pod-security-admission/policy`, the checks of levels baseline and restricted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Fields = dict[str, Any]

_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_PROFILES = ("RuntimeDefault", "Localhost")


def violations(spec: Fields) -> list[str]:
    """All violations of the restricted standard by a pod's spec, in the real server's order."""
    return [text for test in _CHECKS for text in test(spec)]


def _containers(spec: Fields) -> list[Fields]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _security(holder: Mapping[str, Any]) -> Fields:
    return holder.get("securityContext") or {}


def _named(containers: list[Fields]) -> str:
    names = ", ".join(f'"{container["name"]}"' for container in containers)
    return f"container{'s' if len(containers) > 1 else ''} {names}"


def _those(spec: Fields, test: Callable[[Fields], bool]) -> list[Fields]:
    return [container for container in _containers(spec) if test(_security(container))]


def _host_namespaces(spec: Fields) -> Iterator[str]:
    used = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    if used:
        yield f"host namespaces ({', '.join(used)})"


def _privileged(spec: Fields) -> Iterator[str]:
    if bad := _those(spec, lambda security: bool(security.get("privileged"))):
        yield f"privileged ({_named(bad)} must not set securityContext.privileged=true)"


def _escalation(spec: Fields) -> Iterator[str]:
    if bad := _those(spec, lambda security: security.get("allowPrivilegeEscalation") is not False):
        must = "must set securityContext.allowPrivilegeEscalation=false"
        yield f"allowPrivilegeEscalation != false ({_named(bad)} {must})"


def _capabilities(spec: Fields) -> Iterator[str]:
    def kept(security: Fields) -> bool:
        return "ALL" not in ((security.get("capabilities") or {}).get("drop") or ())

    def added(security: Fields) -> set[str]:
        return set((security.get("capabilities") or {}).get("add") or ()) - {"NET_BIND_SERVICE"}

    sentences = []
    if bad := _those(spec, kept):
        sentences.append(f'{_named(bad)} must set securityContext.capabilities.drop=["ALL"]')
    if bad := _those(spec, lambda security: bool(added(security))):
        extra = sorted(set().union(*(added(_security(container)) for container in bad)))
        listed = ", ".join(f'"{name}"' for name in extra)
        sentences.append(
            f"{_named(bad)} must not include {listed} in securityContext.capabilities.add"
        )
    if sentences:
        yield f"unrestricted capabilities ({'; '.join(sentences)})"


def _volumes(spec: Fields) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        sources = set(volume) - {"name"} - _VOLUMES
        if sources:
            source = min(sources)
            what = f'volume "{volume["name"]}" uses restricted volume type "{source}"'
            yield f"restricted volume types ({what})"


def _non_root(spec: Fields) -> Iterator[str]:
    pod = _security(spec).get("runAsNonRoot")
    if bad := _those(spec, lambda security: security.get("runAsNonRoot") is False):
        must = "must not set securityContext.runAsNonRoot=false"
        yield f"runAsNonRoot != true ({_named(bad)} {must})"
    elif pod is not True and (bad := _those(spec, lambda held: held.get("runAsNonRoot") is None)):
        must = "must set securityContext.runAsNonRoot=true"
        yield f"runAsNonRoot != true (pod or {_named(bad)} {must})"


def _user(spec: Fields) -> Iterator[str]:
    if _security(spec).get("runAsUser") == 0:
        yield "runAsUser=0 (pod must not set runAsUser=0)"
    elif bad := _those(spec, lambda security: security.get("runAsUser") == 0):
        yield f"runAsUser=0 ({_named(bad)} must not set runAsUser=0)"


def _seccomp(spec: Fields) -> Iterator[str]:
    def profile(security: Fields) -> Any:
        return (security.get("seccompProfile") or {}).get("type")

    must = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    if bad := _those(spec, lambda security: profile(security) not in (None, *_PROFILES)):
        yield f"seccompProfile ({_named(bad)} {must})"
    elif profile(_security(spec)) not in _PROFILES and (
        bad := _those(spec, lambda security: profile(security) is None)
    ):
        yield f"seccompProfile (pod or {_named(bad)} {must})"


_CHECKS = (
    _host_namespaces,
    _privileged,
    _escalation,
    _capabilities,
    _volumes,
    _non_root,
    _user,
    _seccomp,
)
