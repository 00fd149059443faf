"""A reader of `docker/kubernetes`: files, overlays, accounts and network policies."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.adapters.platforms.cluster.manifests import names
from slipway.orchestration.pods import shape
from slipway.wiring.stage_table import STAGES

FOLDER = Path(__file__).resolve().parents[2] / "docker" / "kubernetes"
FILES = sorted(FOLDER.rglob("*.yaml"))
OVERLAYS = ("dev", "staging", "production")
TOOLS = sorted((FOLDER / "tools").glob("*.yaml"))
CONTROL, STAGE_PODS, SERVING = "slipway", "slipway-stages", "slipway-serving"
NAMESPACES = (CONTROL, STAGE_PODS, SERVING)
CLIENTS = "slipway-clients"
CLUSTER_SCOPED = (
    "Namespace",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)

ROLLOUT_STAGES = {row.name for row in STAGES.values() if row.cluster_rights}

Manifest = dict[str, Any]


def documents(text: str) -> list[Manifest]:
    """Every document of a YAML text."""
    # By libyaml, which is ten times as fast as the parser in Python.
    found = yaml.load_all(text, yaml.CSafeLoader)
    return [document for document in found if document is not None]


@functools.cache
def kustomize() -> list[str] | None:
    """The command that renders an overlay; None where Kustomize is older than 5."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl") is None:
        return None
    found = re.search(r"Kustomize Version: v(\d+)", _output("kubectl", "version", "--client"))
    return ["kubectl", "kustomize"] if found and int(found[1]) >= 5 else None


@functools.cache
def rendered(overlay: str) -> list[Manifest]:
    """An overlay's objects as `kubectl apply` sends them."""
    command = kustomize()
    if command is None:
        pytest.skip("no kubectl with Kustomize 5 here: overlays are not rendered")
    return documents(_output(*command, str(FOLDER / "overlays" / overlay)))


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def whole_files() -> list[Path]:
    """Files whose objects are complete without Kustomize."""
    files = [*(FOLDER / "base").rglob("*.yaml"), *(FOLDER / "components/airflow").glob("*.yaml")]
    files += [FOLDER / "overlays" / "dev" / name for name in ("store.yaml", "mlflow-volume.yaml")]
    return sorted(file for file in [*files, *TOOLS] if file.name != "kustomization.yaml")


def laid_out(layout: str) -> list[Manifest]:
    """An overlay's objects, or for `as written` those of every complete file."""
    if layout != "as written":
        return rendered(layout)
    files = [file for file in whole_files() if file not in TOOLS]
    return [one for file in files for one in documents(file.read_text())]


def tools() -> list[Manifest]:
    """Objects that a person creates by hand."""
    return [one for file in TOOLS for one in documents(file.read_text())]


def of_kind(objects: list[Manifest], *kinds: str) -> list[Manifest]:
    """Objects of some kinds."""
    return [one for one in objects if one["kind"] in kinds]


def pods(objects: list[Manifest]) -> dict[str, Manifest]:
    """Pod templates by the name of their workload."""
    made = {
        one["metadata"].get("name", one["metadata"].get("generateName")): one["spec"]["template"]
        for one in of_kind(objects, "Deployment", "Job")
    }
    return made | {one["metadata"]["name"]: one for one in of_kind(objects, "Pod")}


def containers(template: Manifest) -> list[Manifest]:
    """Every container of a pod."""
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches labels."""
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(
        {"In": labels.get(one["key"]) in one.get("values", [])}[one["operator"]]
        for one in selector.get("matchExpressions", [])
    )


@dataclass(frozen=True)
class Bearer:
    """A pod as network policies see it.

    Attributes:
        namespace: Its namespace.
        labels: Its labels.
    """

    namespace: str
    labels: Mapping[str, str]


def bearers(objects: list[Manifest]) -> dict[str, Bearer]:
    """Every pod of Slipway, and a client's, by its purpose."""
    found = {
        name: Bearer(CONTROL, pod["metadata"]["labels"]) for name, pod in pods(objects).items()
    }
    for stage in {*ROLLOUT_STAGES, "train", "ingest", "drift", "operations"}:
        labels = shape.labels(stage, {"model": "m"}, run="r", store_root="s3://b")
        found[f"stage {stage}"] = Bearer(STAGE_PODS, labels)
    found["server"] = Bearer(SERVING, names.version_labels("flight_delay", 3))
    found["client"] = Bearer(CLIENTS, {"app.kubernetes.io/name": "flight-delay-client"})
    return found


def namespace_labels(objects: list[Manifest]) -> dict[str, Mapping[str, str]]:
    """Labels of each namespace, those of people's tools included."""
    found = {
        one["metadata"]["name"]: one["metadata"]["labels"]
        for one in of_kind([*objects, *tools()], "Namespace")
    }
    return {name: {"kubernetes.io/metadata.name": name, **labels} for name, labels in found.items()}


def policies_of(objects: list[Manifest], pod: Bearer) -> list[Manifest]:
    """Network policies that select a pod."""
    return [
        one
        for one in of_kind(objects, "NetworkPolicy")
        if one["metadata"]["namespace"] == pod.namespace
        and selects(one["spec"]["podSelector"], pod.labels)
    ]


def allows(objects: list[Manifest], source: str, target: str, *, port: int) -> bool:
    """Whether policies let one pod connect to another's port."""
    known, spaces = bearers(objects), namespace_labels(objects)

    def passes(pod: Bearer, direction: str, side: str, peer: Bearer) -> bool:
        # Only Slipway's namespaces deny by default.
        return pod.namespace not in NAMESPACES or any(
            _reaches(rule, side, peer, port, home=pod.namespace, spaces=spaces)
            for one in policies_of(objects, pod)
            for rule in one["spec"].get(direction, [])
        )

    start, end = known[source], known[target]
    return passes(start, "egress", "to", end) and passes(end, "ingress", "from", start)


def _reaches(
    rule: Manifest,
    side: str,
    pod: Bearer,
    port: int,
    *,
    home: str,
    spaces: Mapping[str, Mapping[str, str]],
) -> bool:
    ports = [one["port"] for one in rule.get("ports", [])]
    return (not ports or port in ports) and any(
        "ipBlock" not in peer
        and selects(peer.get("podSelector", {}), pod.labels)
        and (
            selects(peer["namespaceSelector"], spaces[pod.namespace])
            if "namespaceSelector" in peer
            else pod.namespace == home
        )
        for peer in rule[side]
    )


def reached(objects: list[Manifest], source: str) -> set[int]:
    """Ports that a pod may reach at addresses, DNS aside."""
    return {
        port["port"]
        for one in policies_of(objects, bearers(objects)[source])
        if one["metadata"]["name"] != "dns"
        for rule in one["spec"].get("egress", [])
        if any("ipBlock" in peer for peer in rule["to"])
        for port in rule["ports"]
    }


def references(objects: list[Manifest]) -> Iterator[tuple[str, str, str | None]]:
    """Objects that pods reference: kind, name, and the key if one is named."""
    for template in pods(objects).values():
        yield "ServiceAccount", template["spec"].get("serviceAccountName", "default"), None
        for volume in template["spec"].get("volumes", []):
            if claim := volume.get("persistentVolumeClaim"):
                yield "PersistentVolumeClaim", claim["claimName"], None
        for container in containers(template):
            for one in container.get("envFrom", []):
                yield from _named(one, "Ref")
            for variable in container.get("env", []):
                yield from _named(variable.get("valueFrom", {}), "KeyRef")


def _named(source: Manifest, ending: str) -> Iterator[tuple[str, str, str | None]]:
    for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
        if found := source.get(field + ending):
            yield kind, found["name"], found.get("key")
