"""`docker/compose.yaml` holds together, as far as can be told without an engine."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.cli import main
from slipway.settings import Settings
from tests.support import image
from tests.support.dockerfiles import PROJECT, is_ignored, stages, variables

FOLDER = PROJECT / "docker"
TEXT = (FOLDER / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (FOLDER / ".env.example").read_text()
VARIABLE = re.compile(r"\$\{(\w+)(:[?-][^}]*)?\}")
AIRFLOW = [name for name in SERVICES if name.startswith("airflow-")]
every_service = pytest.mark.parametrize("name", SERVICES)


def environment(name: str) -> dict[str, str]:
    """What a service is given."""
    return {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}


def target_of(name: str) -> tuple[str, str] | None:
    """Dockerfile and target of a service's image, where it is one of ours."""
    made = re.match(r"slipway-(\w+):", SERVICES[name]["image"])
    if made is None:
        return None
    return ("server" if made[1] == "platform" else made[1]), made[1]


def paths(name: str) -> Iterator[tuple[str, str, str]]:
    """Source, target and mode of what a service mounts."""
    for volume in SERVICES[name].get("volumes", ()):
        source, target, mode = (*volume.split(":"), "rw")[:3]
        yield source, target, mode


def test_every_variable_is_in_the_example_and_none_besides() -> None:
    """What has no default stops `docker compose` with a word of where to look."""
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
    """Others' by a full version, ours by this project's, and one service builds each of ours."""
    used = SERVICES[name]["image"]
    ours = target_of(name)
    if ours is None:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?", used)
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
    """Services that are waited for, volumes, files and networks; conditions that can come true."""
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
    """Each host in a variable is a service, and its port is one that it listens on."""
    listening = {
        "postgres": 5432,
        "redis": 6379,
        "s3": 8333,
        "mlflow": 5000,
        "platform": 8600,
        "airflow-api-server": 8080,
    }
    for value in environment(name).values():
        for host, port in re.findall(r"(?://|@)([a-z][\w-]+):(\d+)", value):
            assert listening[host] == int(port)


@pytest.mark.parametrize("name", ["platform", "mlflow", *AIRFLOW])
def test_what_is_written_survives_where_it_has_to(name: str) -> None:
    """What the image's variables call a folder of state is a volume, or made to be forgotten."""
    file, target = target_of(name) or ("", "")
    found = variables(stages(FOLDER / f"{file}.Dockerfile"), target) | environment(name)
    places = {target for _, target, _ in paths(name)} | set(SERVICES[name]["tmpfs"])
    for variable in ("HOME", "AIRFLOW_HOME", "SLIPWAY_SCRATCH"):
        assert found.get(variable, "/tmp") in places  # noqa: S108
    if name == "platform":
        assert ("platform", "/var/slipway/scratch", "rw") in list(paths(name))


@every_service
def test_what_is_made_to_be_forgotten_can_be_written(name: str) -> None:
    """A tmpfs is root's, with the mode of the image's folder: `/tmp` is open, and ours are."""
    if target_of(name) is not None:
        folders = [Path(path) for path in SERVICES[name]["tmpfs"]]
        assert {folder.parent for folder in folders} <= {Path("/"), Path("/var/slipway")}


@every_service
def test_every_setting_of_ours_is_known(name: str) -> None:
    """A misspelt variable would be ignored without a word."""
    known = {f"SLIPWAY_{field.upper()}" for field in Settings.model_fields}
    assert {key for key in environment(name) if key.startswith("SLIPWAY_")} <= known


def test_every_setting_of_airflow_is_known() -> None:
    """So would one of Airflow; its own description of its settings, providers' too, knows all."""
    from airflow.configuration import retrieve_configuration_description

    described = retrieve_configuration_description(include_providers=True)
    for file, target in (target_of(name) or ("", "") for name in AIRFLOW):
        named = variables(stages(FOLDER / f"{file}.Dockerfile"), target)
        for key in {*named, *environment(AIRFLOW[0])}:
            if not key.startswith("AIRFLOW__"):
                continue
            _, section, option = key.lower().split("__")
            # These are handed to Celery's broker as they are; Airflow describes but some of them.
            known = described[section]["options"]
            assert option in known or section == "celery_broker_transport_options", key


def test_commands_are_there() -> None:
    """Each image's entry point understands what it is told to do."""
    from airflow.cli.cli_parser import get_parser

    for name in AIRFLOW:
        assert get_parser().parse_args([str(word) for word in SERVICES[name]["command"]])
    # Help is given only if all that stands before it is understood.
    asked = [sys.executable, "-m", "mlflow", *SERVICES["mlflow"]["command"], "--help"]
    subprocess.run(asked, capture_output=True, check=True)
    [said] = stages(FOLDER / "server.Dockerfile")["platform"].texts("CMD")
    command, *arguments = ast.literal_eval(said)
    assert main.commands[command].make_context(command, arguments)


def test_health_is_asked_in_valid_words() -> None:
    """Python's are parsed; the others are programs that the images are known to have."""
    for service in SERVICES.values():
        match service.get("healthcheck", {}).get("test"):
            case ["CMD", "python", "-c", code]:
                assert ast.parse(code)
            case ["CMD", program, *_]:
                assert program in ("pg_isready", "promtool")
            case ["CMD-SHELL", line]:
                assert line.split()[0] in ("redis-cli", "wget", "celery")


def test_airflows_lock_has_what_celery_and_postgresql_need() -> None:
    """Executor, broker, and both of the drivers: Airflow talks to its database in two ways."""
    modules = (
        "airflow.providers.celery.executors.celery_executor",
        *("redis", "asyncpg", "psycopg2"),
    )
    code = (
        "import importlib, runpy;"
        f"runpy.run_path({str(image.__file__)!r})['enter']('airflow');"
        f"[importlib.import_module(name) for name in {modules!r}];"
        "from sqlalchemy import create_engine; from sqlalchemy.ext.asyncio import *;"
        f"create_engine({environment(AIRFLOW[0])['AIRFLOW__DATABASE__SQL_ALCHEMY_CONN']!r});"
        "create_async_engine('postgresql+asyncpg://airflow:x@postgres/airflow')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_mlflows_lock_has_what_postgresql_and_s3_need() -> None:
    """Its server starts an engine on the address that it is given."""
    code = (
        f"import runpy; runpy.run_path({str(image.__file__)!r})['enter']('mlflow');"
        "import boto3, mlflow.server; from sqlalchemy import create_engine;"
        f"create_engine({environment('mlflow')['MLFLOW_BACKEND_STORE_URI']!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_prometheus_and_grafana_see_what_listens_on_loopback() -> None:
    """They share the platform's network, where their files' addresses are right as they are."""
    for name, port in (("prometheus", 9090), ("grafana", 3000)):
        assert SERVICES[name]["network_mode"] == "service:platform"
        assert [one for one in SERVICES["platform"]["ports"] if one.endswith(f":{port}")]
    asked = (FOLDER / "prometheus" / "prometheus.yml").read_text()
    assert "127.0.0.1:8600" in asked
    source = FOLDER / "grafana" / "provisioning" / "datasources" / "prometheus.yaml"
    assert "http://127.0.0.1:9090" in source.read_text()


def test_a_bucket_is_made_where_one_writer_wins(
    s3_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server whose conditional puts are atomic; again is no trouble."""
    del s3_store
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(FOLDER / "compose" / "bucket.py"), "slipway-made"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "one conditional put of 8 succeeds" in done.stdout


class Careless:
    """An S3 client whose server ignores conditions."""

    def put_object(self, **_: Any) -> None:
        """Say that it was written."""

    def delete_object(self, **_: Any) -> None:
        """Say that it is gone."""


def test_a_server_on_which_two_writers_win_is_seen() -> None:
    """All eight are told that they made the key; one would be right."""
    script = runpy.run_path(str(FOLDER / "compose" / "bucket.py"))
    assert script["winners"](Careless(), "slipway") == 8


def test_shell_scripts_can_be_read(tmp_path: Path) -> None:
    """What containers run by a shell is valid for one."""
    script = tmp_path / "redis.sh"
    script.write_text(SERVICES["redis"]["command"][0].replace("$$", "$"))
    for file in (script, FOLDER / "compose" / "databases.sh"):
        subprocess.run(["/bin/sh", "-n", str(file)], check=True)


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="needs docker-compose")
@pytest.mark.parametrize("complete", [True, False])
def test_compose_itself_reads_the_file(tmp_path: Path, complete: bool) -> None:  # noqa: FBT001
    """With all that the example names it is valid; else it says where to look."""
    values = re.sub(r"^(\w+)=$", r"\1=x", EXAMPLE, flags=re.MULTILINE)
    file = tmp_path / "env"
    file.write_text(values if complete else EXAMPLE)
    command = ["docker-compose", "--file", str(FOLDER / "compose.yaml"), "--env-file", str(file)]
    done = subprocess.run([*command, "config"], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == complete, done.stderr
    if complete:
        assert set(yaml.safe_load(done.stdout)["services"]) == set(SERVICES)
    else:
        assert "see docker/.env.example" in done.stderr
