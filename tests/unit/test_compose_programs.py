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

from slipway.cli import main
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
    """Each image's entry point understands what it is told to do."""
    from airflow.cli.cli_parser import get_parser

    for name in AIRFLOW:
        assert get_parser().parse_args([str(word) for word in SERVICES[name]["command"]])
    # Help is given only if all that stands before it is understood.
    asked = [sys.executable, "-m", "mlflow", *SERVICES["mlflow"]["command"], "--help"]
    subprocess.run(asked, capture_output=True, check=True)
    [command_line] = stages(FOLDER / "server.Dockerfile")["platform"].texts("CMD")
    command, *arguments = ast.literal_eval(command_line)
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
