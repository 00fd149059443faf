"""Programs of `docker/compose.yaml`: commands, health checks, scripts and their packages."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.cli.commands import commands
from tests.support import image
from tests.support.compose import (
    AIRFLOW,
    EXAMPLE,
    FOLDER,
    SERVICES,
    environment,
)
from tests.support.dockerfiles import stages


def test_commands_are_there() -> None:
    """Each image's entry point accepts the command that compose.yaml gives it."""
    from airflow.cli.cli_parser import get_parser

    for name in AIRFLOW:
        assert get_parser().parse_args([str(word) for word in SERVICES[name]["command"]])
    # `--help` succeeds only if the arguments before it are valid.
    help_of = [sys.executable, "-m", "mlflow", *SERVICES["mlflow"]["command"], "--help"]
    subprocess.run(help_of, capture_output=True, check=True)
    [command_line] = stages(FOLDER / "server.Dockerfile")["platform"].texts("CMD")
    command, *arguments = ast.literal_eval(command_line)
    assert commands.commands[command].make_context(command, arguments)


def test_health_checks_are_valid_commands() -> None:
    """Python code parses; other checks start a program that the image contains."""
    for service in SERVICES.values():
        match service.get("healthcheck", {}).get("test"):
            case ["CMD", "python", "-c", code]:
                assert ast.parse(code)
            case ["CMD", program, *_]:
                assert program in ("pg_isready", "promtool")
            case ["CMD-SHELL", line]:
                assert line.split()[0] in ("redis-cli", "wget", "celery")


def test_airflows_lock_has_what_celery_and_postgresql_need() -> None:
    """Executor, broker, and both database drivers: Airflow's synchronous and asynchronous one."""
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
    """An engine for the backend store's URI can be created."""
    code = (
        f"import runpy; runpy.run_path({str(image.__file__)!r})['enter']('mlflow');"
        "import boto3, mlflow.server; from sqlalchemy import create_engine;"
        f"create_engine({environment('mlflow')['MLFLOW_BACKEND_STORE_URI']!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_bucket_script_creates_a_bucket_with_conditional_puts(
    s3_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server whose conditional puts are atomic; a second run succeeds too."""
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


class UnconditionalS3:
    """An S3 client whose server ignores conditions."""

    def put_object(self, **_: Any) -> None:
        """Succeed, whether or not the key exists."""

    def delete_object(self, **_: Any) -> None:
        """Succeed."""


def test_the_bucket_script_counts_every_successful_conditional_put() -> None:
    """Eight on a server that ignores conditions; one would be right."""
    script = runpy.run_path(str(FOLDER / "compose" / "bucket.py"))
    assert script["winners"](UnconditionalS3(), "slipway") == 8


def test_shell_scripts_can_be_read(tmp_path: Path) -> None:
    """`sh -n` accepts the scripts that containers run."""
    script = tmp_path / "redis.sh"
    script.write_text(SERVICES["redis"]["command"][0].replace("$$", "$"))
    for file in (script, FOLDER / "compose" / "databases.sh"):
        subprocess.run(["/bin/sh", "-n", str(file)], check=True)


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="needs docker-compose")
@pytest.mark.parametrize("complete", [True, False])
def test_docker_compose_reads_the_file(tmp_path: Path, complete: bool) -> None:  # noqa: FBT001
    """Valid with every variable of the example set; the error for a missing one points to it."""
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
