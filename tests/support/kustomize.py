"""A reader of `docker/kubernetes`: files, overlays, accounts and network policies."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
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
NAMESPACE = "slipway"

ROLLOUT_STAGES = {row.name for row in STAGES.values() if row.cluster_rights}

Manifest = dict[str, Any]


def documents(text: str) -> list[Manifest]:
    """Every document of a YAML text."""
    return [document for document in yaml.safe_load_all(text) if document is not None]


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
    files = [*(FOLDER / "base").glob("*.yaml"), *(FOLDER / "components/airflow").glob("*.yaml")]
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


def bearers(objects: list[Manifest]) -> dict[str, Mapping[str, str]]:
    """Labels of every pod in the namespace, by its purpose."""
    ours = {name: pod["metadata"]["labels"] for name, pod in pods(objects).items()}
    stages = {
        f"stage {stage}": shape.labels(stage, {"model": "m"}, run="r", store_root="s3://b")
        for stage in {*ROLLOUT_STAGES, "train", "ingest", "drift", "operations"}
    }
    servers = {
        "server": names.version_labels("flight_delay", 3),
        "client": {"slipway/client": "true"},
    }
    return {**ours, **stages, **servers}


def allows(objects: list[Manifest], source: str, target: str, *, port: int) -> bool:
    """Whether policies let one pod connect to another's port."""
    labels = bearers(objects)
    policies = of_kind(objects, "NetworkPolicy")
    leaves = any(
        _reaches(rule, "to", labels[target], port)
        for one in policies
        if selects(one["spec"]["podSelector"], labels[source])
        for rule in one["spec"].get("egress", [])
    )
    enters = any(
        _reaches(rule, "from", labels[source], port)
        for one in policies
        if selects(one["spec"]["podSelector"], labels[target])
        for rule in one["spec"].get("ingress", [])
    )
    return leaves and enters


def _reaches(rule: Manifest, side: str, labels: Mapping[str, str], port: int) -> bool:
    ports = [one["port"] for one in rule.get("ports", [])]
    peers = [peer["podSelector"] for peer in rule[side] if set(peer) == {"podSelector"}]
    return (not ports or port in ports) and any(selects(peer, labels) for peer in peers)


def reached(objects: list[Manifest], source: str) -> set[int]:
    """Ports that a pod may reach outside the namespace, DNS aside."""
    labels = bearers(objects)[source]
    return {
        port["port"]
        for one in of_kind(objects, "NetworkPolicy")
        if one["metadata"]["name"] != "dns" and selects(one["spec"]["podSelector"], labels)
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
