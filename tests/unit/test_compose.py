"""`docker/compose.yaml`: services, variables, images and mounts agree with one another."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from slipway.settings import Settings
from tests.support.compose import (
    AIRFLOW,
    COMPOSE,
    EXAMPLE,
    FOLDER,
    SERVICES,
    TEXT,
    VARIABLE,
    environment,
    paths,
    target_of,
)
from tests.support.dockerfiles import PROJECT, is_ignored, stages, variables

every_service = pytest.mark.parametrize("name", SERVICES)


def test_every_variable_is_in_the_example_and_none_besides() -> None:
    """A variable without a default stops `docker compose` with the place to look."""
    used = {match[1]: match[2] or "" for match in VARIABLE.finditer(TEXT)}
    required = {name for name, rest in used.items() if not rest.startswith(":-")}
    assert all(used[name] == ":?see docker/.env.example" for name in required)
    named = set(re.findall(r"^#?(\w+)=", EXAMPLE, re.MULTILINE)) - {"COMPOSE_PROJECT_NAME"}
    assert named == set(used)
    given = dict(line.split("=", 1) for line in EXAMPLE.splitlines() if re.match(r"\w+=", line))
    assert {name for name, value in given.items() if not value} == required
    defaults = dict(re.findall(r"^#(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert {name: f":-{value}" for name, value in defaults.items()} == {
        name: rest for name, rest in used.items() if name not in required
    }


def test_no_secret_is_written_down() -> None:
    """Passwords and keys come from the environment, and the file that sets it is ignored."""
    for name in SERVICES:
        for key, value in environment(name).items():
            if re.search(r"PASSWORD$|SECRET|_KEY", key):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), key
            for login in re.findall(r"://[^/@]*:([^@/]+)@", value):
                assert login.startswith("${"), key
    assert is_ignored("docker/.env")
    assert ".env" in (PROJECT / ".gitignore").read_text().splitlines()


@every_service
def test_images_are_pinned(name: str) -> None:
    """Others by version and digest, Slipway's by its own; one service builds each of Slipway's."""
    used = SERVICES[name]["image"]
    ours = target_of(name)
    if ours is None:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?@sha256:[0-9a-f]{64}", used)
        return
    file, target = ours
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert used == f"slipway-{target}:${{SLIPWAY_VERSION:-{version}}}"
    assert target in stages(FOLDER / f"{file}.Dockerfile")
    builds = [one["build"] for one in SERVICES.values() if one["image"] == used and "build" in one]
    assert builds
    assert {build["dockerfile"] for build in builds} == {f"docker/{file}.Dockerfile"}
    assert {build.get("target", file) for build in builds} == {target}
    assert {build["context"] for build in builds} == {".."}


def test_keys_go_to_the_services_that_need_them() -> None:
    """By a second file, read-only and out of git and images; the private half to the worker."""
    held = yaml.safe_load((FOLDER / "compose.keys.yaml").read_text())["services"]
    fields = {f"SLIPWAY_{name.upper()}" for name in Settings.model_fields}
    for name, service in held.items():
        assert target_of(name) is not None
        mounts = [volume.split(":") for volume in service["volumes"]]
        for source, _, mode in mounts:
            assert source.startswith("./keys/")
            assert mode == "ro"
        assert service["environment"].keys() <= fields
        assert not service["environment"].keys() & environment(name).keys()
        for value in service["environment"].values():
            assert any(f"{value}/".startswith(f"{target}/") for _, target, _ in mounts)
    needs = {name: set(service["environment"]) for name, service in held.items()}
    assert needs["airflow-worker"] - needs["platform"] == {"SLIPWAY_SIGNING_KEY"}
    assert is_ignored("docker/keys/private/slipway.key.pem")
    assert "docker/keys/" in (PROJECT / ".gitignore").read_text().splitlines()


@every_service
def test_nothing_listens_beyond_this_machine(name: str) -> None:
    """Every published port is bound to loopback."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@every_service
def test_containers_can_do_little(name: str) -> None:
    """No root, no writable root file system, no capability, no way to gain one."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    if name == "s3-folder":
        assert (service["user"], service["cap_add"], service["network_mode"]) == (
            "0:0",
            ["CHOWN"],
            "none",
        )
        return
    assert "cap_add" not in service
    assert str(service.get("user", "ours")).partition(":")[0] not in ("root", "0")
    assert "user" in service or target_of(name) is not None


@every_service
def test_what_is_needed_is_there(name: str) -> None:
    """Dependencies, volumes, files and networks exist; conditions can become true."""
    service = SERVICES[name]
    for needed, how in service.get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[needed]
        if how["condition"] == "service_completed_successfully":
            assert SERVICES[needed]["restart"] != "unless-stopped"
    for source, _, mode in paths(name):
        if source.startswith("."):
            assert (FOLDER / source).exists()
            assert mode == "ro"
        else:
            assert source in COMPOSE["volumes"]
    shared = service.get("network_mode", "none").partition("service:")[2]
    assert not shared or shared in service["depends_on"] or shared == "platform"


@every_service
def test_addresses_are_those_of_services(name: str) -> None:
    """Each host in a variable is a service that listens on the port."""
    listening = {
        "postgres": {5432},
        "redis": {6379},
        "s3": {8333},
        "mlflow": {5000},
        # Prometheus listens in the network of the platform.
        "platform": {8600, 9090},
        "airflow-api-server": {8080},
    }
    for value in environment(name).values():
        for host, port in re.findall(r"(?://|@)([a-z][\w-]+):(\d+)", value):
            assert int(port) in listening[host]


@pytest.mark.parametrize("name", ["platform", "mlflow", *AIRFLOW])
def test_what_is_written_survives_where_it_has_to(name: str) -> None:
    """Each state folder of the image's variables is a volume or a tmpfs."""
    file, target = target_of(name) or ("", "")
    found = variables(stages(FOLDER / f"{file}.Dockerfile"), target) | environment(name)
    places = {target for _, target, _ in paths(name)} | set(SERVICES[name]["tmpfs"])
    for variable in ("HOME", "AIRFLOW_HOME", "SLIPWAY_SCRATCH"):
        assert found.get(variable, "/tmp") in places  # noqa: S108
    if name == "platform":
        assert ("platform", "/var/slipway/scratch", "rw") in list(paths(name))


@every_service
def test_tmpfs_folders_are_writable(name: str) -> None:
    """A tmpfs has the mode of the image's folder: `/tmp` and Slipway's folders are open."""
    if target_of(name) is not None:
        folders = [Path(path) for path in SERVICES[name]["tmpfs"]]
        assert {folder.parent for folder in folders} <= {Path("/"), Path("/var/slipway")}


@every_service
def test_every_setting_of_slipway_exists(name: str) -> None:
    """A misspelt variable would be ignored silently."""
    known = {f"SLIPWAY_{field.upper()}" for field in Settings.model_fields}
    assert {key for key in environment(name) if key.startswith("SLIPWAY_")} <= known


def test_every_setting_of_airflow_exists() -> None:
    """Airflow's own description of its settings, with providers', has each of them."""
    from airflow.configuration import retrieve_configuration_description

    described = retrieve_configuration_description(include_providers=True)
    for file, target in (target_of(name) or ("", "") for name in AIRFLOW):
        named = variables(stages(FOLDER / f"{file}.Dockerfile"), target)
        for key in {*named, *environment(AIRFLOW[0])}:
            if not key.startswith("AIRFLOW__"):
                continue
            _, section, option = key.lower().split("__")
            # These are passed to Celery's broker; Airflow describes only some of them.
            known = described[section]["options"]
            assert option in known or section == "celery_broker_transport_options", key


def test_prometheus_and_grafana_see_what_listens_on_loopback() -> None:
    """They share the platform's network, where their files' addresses are right as they are."""
    for name, port in (("prometheus", 9090), ("grafana", 3000)):
        assert SERVICES[name]["network_mode"] == "service:platform"
        assert [one for one in SERVICES["platform"]["ports"] if one.endswith(f":{port}")]
    asked = (FOLDER / "prometheus" / "prometheus.yml").read_text()
    assert "127.0.0.1:8600" in asked
    source = FOLDER / "grafana" / "provisioning" / "datasources" / "prometheus.yaml"
    assert "http://127.0.0.1:9090" in source.read_text()
