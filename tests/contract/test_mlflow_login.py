"""MLflow with authentication: stages write, servers read, and no address shows a password."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from slipway.errors import BadParameter
from slipway.settings import Settings
from slipway.stages.model.version_tags import DIGEST
from slipway.wiring import Container
from tests.conftest import mlflow_in

STAGES, SERVERS = ("slipway", "a/b:c@d%25 of the stages"), ("servers", "p@ss:w/rd of the servers")
USERS = Path(__file__).parents[2] / "docker/kubernetes/components/mlflow-users/users.py"
ADMIN = ("admin", "password-of-the-administrator")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real MLflow server with its own authentication, and two users."""
    with mlflow_in(tmp_path_factory.mktemp("mlflow"), admin=ADMIN) as url:
        passwords = {"MLFLOW_STAGES_PASSWORD": STAGES[1], "MLFLOW_SERVERS_PASSWORD": SERVERS[1]}
        of_admin = {"MLFLOW_AUTH_ADMIN_USERNAME": ADMIN[0], "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1]}
        env = {**os.environ, **passwords, **of_admin, "MLFLOW_URL": url}
        # As at each start of the installation.
        for _ in range(2):
            subprocess.run([sys.executable, USERS], env=env, check=True)
        yield url


def container(url: str, login: tuple[str, str], folder: Path) -> Container:
    """An installation whose settings have a login."""
    user, password = login
    return Container(
        Settings(
            mlflow=url,
            mlflow_user=user,
            mlflow_password=SecretStr(password),
            store=str(folder),
            project=folder,
        )
    )


def registered(stages: Container, folder: Path, digest: str) -> tuple[str, int]:
    """Address of a logged model and number of its version, which stages have registered."""
    tracking = stages.tracking
    run = tracking.begin("m", run_key="k", attempt=1, tags={}, params={}, tables=())
    uri = tracking.log_package(run, folder)
    tracking.end(run, status="FINISHED")
    tags = {DIGEST: digest}
    return uri, stages.mlflow_registry.register("m", model_uri=uri, run_key="k", tags=tags).version


def test_stages_write_and_servers_read(
    server: str, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """A server downloads a version, and can neither move an alias nor write a file or a tag."""
    folder, digest = sealed
    stages = container(server, STAGES, tmp_path)
    uri, version = registered(stages, folder, digest)
    stages.mlflow_registry.set_alias("m", "champion", version)
    servers = container(server, SERVERS, tmp_path)
    copy = servers.mlflow_registry.download("m", version, tmp_path / "copy", sha256=digest)
    assert (copy / "MLmodel").exists() or any(copy.iterdir())
    run = stages.tracking.begin("m", run_key="l", attempt=1, tags={}, params={}, tables=())
    for forbidden in (
        lambda: servers.mlflow_registry.set_alias("m", "champion", version),
        lambda: servers.mlflow_registry.delete_alias("m", "champion"),
        lambda: servers.mlflow_registry.tag("m", version, {DIGEST: "0" * 64}),
        lambda: servers.tracking.log_metrics(run, {"roc_auc": 1.0}),
        lambda: servers.tracking.log_package(run, folder),
        lambda: servers.tracking.end(run, status="FAILED"),
        lambda: servers.mlflow_registry.register("m", model_uri=uri, run_key="l", tags={}),
    ):
        with pytest.raises(BadParameter, match="MLflow rejects the request") as error:
            forbidden()
        assert "servers read only" in (error.value.hint or "")
        assert SERVERS[1] not in str(error.value)


@pytest.mark.parametrize("login", [("", ""), (STAGES[0], "another password"), ("nobody", "x")])
def test_without_a_login_nothing_is_read(
    server: str, login: tuple[str, str], tmp_path: Path
) -> None:
    """The error names the settings, and holds no password."""
    with pytest.raises(BadParameter, match="MLflow rejects the request") as error:
        container(server, login, tmp_path).mlflow_registry.exists("m")
    assert error.value.hint is not None
    assert error.value.hint.startswith("SLIPWAY_MLFLOW_USER and SLIPWAY_MLFLOW_PASSWORD")
    assert "another password" not in str(error.value)


def test_a_login_in_the_address_is_sent_and_not_shown(server: str, tmp_path: Path) -> None:
    """As where it stands in SLIPWAY_MLFLOW; the address is without it wherever it is told."""
    user, password = (quote(one, safe="") for one in SERVERS)
    settings = Settings(
        mlflow=server.replace("://", f"://{user}:{password}@"),
        store=str(tmp_path),
        project=tmp_path,
    )
    registry = Container(settings).mlflow_registry
    assert not registry.exists("none")
    assert (settings.mlflow, registry.address) == (server, server)
    assert password not in f"{settings!r} {settings.model_dump()}"
