"""The manifests of `docker/kubernetes` are valid, restricted, and allow no more than needed.

A `kubectl` with Kustomize 5 renders the overlays. Without one, the files are
checked one by one, and tests of rendered overlays are skipped.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.platforms.cluster.manifests import names
from slipway.serving.v2.protocol import decode
from slipway.serving.v2.signature import Signature
from slipway.settings import CHECKOUT as PROJECT
from slipway.settings import Settings
from slipway.spec.loading import load_all
from slipway.stages.ports.raw_column import signature_of
from tests.support.admission import validate
from tests.support.kustomize import (
    CLIENTS,
    CLUSTER_SCOPED,
    FILES,
    FOLDER,
    NAMESPACES,
    OVERLAYS,
    SERVING,
    containers,
    documents,
    laid_out,
    of_kind,
    pods,
    references,
    rendered,
    tools,
    whole_files,
)

VERSIONS = ("1.34", "1.35", "1.36")
BY_PEOPLE = {"slipway-secrets", "slipway-mlflow", "slipway-airflow"}

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
each_layout = pytest.mark.parametrize("layout", ["as written", *OVERLAYS])


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_every_file_is_used_and_names_what_is_there(file: Path) -> None:
    """Each file is a kustomization, or listed in one, except the tools of people."""
    text = file.read_text()
    assert documents(text)
    if FOLDER / "tools" in file.parents:
        return
    if file.name == "kustomization.yaml":
        wanted = documents(text)[0]
        named = [*wanted.get("resources", []), *wanted.get("components", [])]
        named += [patch["path"] for patch in wanted.get("patches", [])]
        assert [name for name in named if not (file.parent / name).exists()] == []
    else:
        above = [file.parent, *file.parents[1:3]]
        books = [folder / "kustomization.yaml" for folder in above]
        assert any(
            str(file.relative_to(book.parent)) in book.read_text()
            for book in books
            if book.exists()
        )


@pytest.mark.parametrize("file", whole_files(), ids=lambda file: str(file.relative_to(FOLDER)))
@pytest.mark.parametrize("version", VERSIONS)
def test_a_complete_file_fits_the_api(file: Path, version: str) -> None:
    """Objects that need no overlay have only known fields."""
    for document in documents(file.read_text()):
        validate(document, version)
        if document["kind"] not in CLUSTER_SCOPED:
            assert document["metadata"]["namespace"] in (*NAMESPACES, CLIENTS)


@each_overlay
@pytest.mark.parametrize("version", VERSIONS)
def test_an_overlay_fits_the_api(overlay: str, version: str) -> None:
    """Objects of an overlay have only known fields."""
    for document in rendered(overlay):
        validate(document, version)


def test_every_namespace_is_restricted() -> None:
    """Pods that could become root are refused, audited and warned of."""
    found = documents((FOLDER / "base" / "namespaces.yaml").read_text())
    assert [one["metadata"]["name"] for one in found] == list(NAMESPACES)
    modes = [f"pod-security.kubernetes.io/{mode}" for mode in ("enforce", "audit", "warn")]
    for one in found:
        assert [one["metadata"]["labels"][mode] for mode in modes] == ["restricted"] * 3


@each_overlay
def test_every_container_has_requests_and_a_memory_limit(overlay: str) -> None:
    """And all together fit the quota."""
    objects = rendered(overlay)
    for template in pods(objects).values():
        for container in containers(template):
            resources = container["resources"]
            assert set(resources["requests"]) == {"cpu", "memory"}
            assert "memory" in resources["limits"]
    quotas = {one["metadata"]["namespace"]: one for one in of_kind(objects, "ResourceQuota")}
    assert set(quotas) == set(NAMESPACES)
    claims = [one["metadata"]["namespace"] for one in of_kind(objects, "PersistentVolumeClaim")]
    for name, quota in quotas.items():
        assert claims.count(name) <= int(quota["spec"]["hard"]["persistentvolumeclaims"])


@each_overlay
def test_images_are_pinned_and_an_overlay_can_replace_them(overlay: str) -> None:
    """Each has a version, those of others a digest, is pulled once, and is in `images:`."""
    book = documents((FOLDER / "overlays" / overlay / "kustomization.yaml").read_text())[0]
    replaced = {one.get("newName", one["name"]) for one in book["images"]}
    for template in pods(rendered(overlay)).values():
        for container in containers(template):
            name = re.split("[:@]", container["image"])[0]
            assert name in replaced
            assert re.search(r"(:\d+(\.\d+)+|@sha256:[0-9a-f]{64})$", container["image"])
            assert (
                name.startswith(("slipway-", "registry.example.org/")) or "@" in container["image"]
            )
            assert container["imagePullPolicy"] == "IfNotPresent"


@each_overlay
def test_no_secret_is_in_git(overlay: str) -> None:
    """No Secret is rendered; those that pods name are created by people."""
    objects = rendered(overlay)
    assert of_kind(objects, "Secret") == []
    assert {name for kind, name, _ in references(objects) if kind == "Secret"} <= BY_PEOPLE


@each_overlay
def test_references_lead_somewhere(overlay: str) -> None:
    """Every account, volume, ConfigMap and key that a pod names exists."""
    objects = rendered(overlay)
    there = {(one["kind"], one["metadata"]["name"]): one for one in objects}
    for kind, name, key in references(objects):
        if kind == "Secret":
            continue
        assert (kind, name) in there
        assert key is None or key in there[kind, name]["data"]


@each_layout
def test_services_find_their_pods(layout: str) -> None:
    """Each Service selects a pod with a port of its target's name."""
    objects = laid_out(layout)
    for service in of_kind(objects, "Service"):
        found = [
            template
            for template in pods(objects).values()
            if service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        ]
        ports = {
            port["name"]
            for template in found
            for container in containers(template)
            for port in container.get("ports", [])
        }
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


@each_overlay
def test_settings_are_settings(overlay: str) -> None:
    """Every `SLIPWAY_…` entry is a setting; store and MLflow have addresses."""
    every = {
        one["metadata"]["namespace"]: one["data"]
        for one in of_kind(rendered(overlay), "ConfigMap")
        if one["metadata"]["name"] == "slipway-settings"
    }
    assert set(every) == set(NAMESPACES)
    settings, *others = every.values()
    assert others == [settings, settings]
    ours = {name for name in settings if name.startswith("SLIPWAY_")}
    assert ours <= {f"SLIPWAY_{name.upper()}" for name in Settings.model_fields}
    assert settings["SLIPWAY_STORE"].startswith("s3://")
    assert settings["SLIPWAY_MLFLOW"] == "http://slipway-mlflow.slipway:5000"


@each_overlay
def test_mlflow_answers_to_the_name_that_stages_use(overlay: str) -> None:
    """The allowed hosts include the one of the settings, and no wildcard for all."""
    (hosts,) = [
        one["data"]["allowed-hosts"].split(",")
        for one in of_kind(rendered(overlay), "ConfigMap")
        if one["metadata"]["name"] == "slipway-mlflow"
    ]
    assert "slipway-mlflow.slipway:5000" in hosts
    assert "*" not in hosts


def test_the_example_client_fits_the_model() -> None:
    """Its row has the columns of flight_delay, of the right kinds; its URL is the entry point's."""
    (client,) = [one for one in tools() if one["kind"] == "Pod"]
    (code,) = client["spec"]["containers"][0]["args"]
    loaded = load_all(PROJECT)
    columns = signature_of(loaded.models["flight_delay"], loaded.datasets["flights"])
    signature = Signature(
        columns=columns,
        key=loaded.datasets["flights"].identity.key.column,
        event_time=loaded.datasets["flights"].identity.time.column,
    )
    namespace: dict[str, Any] = {}
    exec(code[: code.index("seen = ")], namespace)  # noqa: S102
    decode(namespace["body"], signature, max_rows=1)
    entry = names.object_name("flight_delay")
    assert namespace["url"] == f"http://{entry}.{SERVING}:8080/v2/models/flight_delay/infer"


def test_the_guide_matches_the_manifests() -> None:
    """Its files exist, it creates every secret, and its table of rights has every account."""
    guide = (PROJECT / "docs" / "guides" / "kubernetes.md").read_text()
    named = re.findall(r"(?<![\w./])docker/[\w./-]*\w", guide)
    assert [name for name in named if not (PROJECT / name).exists()] == []
    assert set(re.findall(r"create secret generic (\S+)", guide)) >= BY_PEOPLE
    accounts = {
        one["metadata"]["name"]
        for one in of_kind(laid_out("as written"), "ServiceAccount")
        if one["metadata"]["name"] != "slipway-store"
    }
    assert set(re.findall(r"^\| `(slipway-\w+)` \| `slipway", guide, re.MULTILINE)) == accounts
