"""Run a local Airflow, component by component, and call its REST API.

Not `airflow standalone`: on SIGTERM that leaves child processes, and its log servers listen on all
interfaces. Here a component listens on loopback only, or not at all.

The API server runs as two processes, one for users and one for tasks. One process on SQLite would
deadlock: the audit log of a user's POST waits for the database on the event loop, which a task's
transaction needs to end.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from slipway.errors import PlatformUnavailable
from slipway.local import scheduler_preload
from slipway.local.addresses import LOOPBACK

USER = "admin"
# Airflow's components write concurrently; SQLite's default of five seconds is too short.
LOCK_WAIT_SECONDS = 60
COMPONENTS = {
    "api-server": ("api-server", "--apps", "core"),
    "execution-api": ("api-server", "--apps", "execution"),
    "dag-processor": ("dag-processor",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
SETTINGS = {
    "connections": {
        "conn_id": "connection_id",
        "conn_type": "conn_type",
        "conn_host": "host",
        "conn_schema": "schema",
        "conn_login": "login",
        "conn_password": "password",
        "conn_port": "port",
        "conn_extra": "extra",
    },
    "variables": {"variable_name": "key", "variable_value": "value"},
    "pools": {"pool_name": "name", "pool_slot": "slots", "pool_description": "description"},
}


def command(*arguments: str) -> list[str]:
    """Return an `airflow` command line for this Python interpreter."""
    return [sys.executable, "-m", "airflow", *arguments]


def environment(
    project: Path, home: Path, *, port: int, execution_port: int, base: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of every Airflow process of a local installation.

    Args:
        project: Holds `dags/`, `plugins/` and `include/`.
        home: `AIRFLOW_HOME`.
        port: Port of the API server for users.
        execution_port: Port of the API server for tasks.
        base: Other variables.
    """
    url = f"http://{LOOPBACK}:{port}"
    allowed = ~int(base.get("SLIPWAY_UMASK", "077"), 8)
    sections: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": project / "dags",
            "plugins_folder": project / "plugins",
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": 3,
            "dags_are_paused_at_creation": False,
            "execution_api_server_url": f"http://{LOOPBACK}:{execution_port}/execution/",
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": home / "passwords.json",
            "xcom_backend": "slipway.orchestration.xcom_limit.LimitedXCom",
        },
        "database": {
            "sql_alchemy_conn": f"sqlite:///{home / 'airflow.db'}?timeout={LOCK_WAIT_SECONDS}"
        },
        "api": {"host": LOOPBACK, "port": port, "base_url": url, "secret_key": _secret(home)},
        "api_auth": {"jwt_secret": _secret(home)},
        "scheduler": {
            "scheduler_idle_sleep_time": 0.1,
            "trigger_timeout_check_interval": 1,
            "task_instance_heartbeat_timeout": 30,
            "task_instance_heartbeat_timeout_detection_interval": 5,
        },
        # Airflow sets the rights of its logs itself, whatever the mask of its processes is.
        "logging": {
            "file_task_handler_new_folder_permissions": oct(0o777 & allowed),
            "file_task_handler_new_file_permissions": oct(0o666 & allowed),
        },
        "triggerer": {"triggerer_health_check_threshold": 10},
        "dag_processor": {"refresh_interval": 5, "min_file_process_interval": 10},
        "workers": {"min_heartbeat_interval": 2},
    }
    named = {
        f"AIRFLOW__{section.upper()}__{option.upper()}": str(value)
        for section, options in sections.items()
        for option, value in options.items()
    }
    return {**base, **named, "AIRFLOW_HOME": str(home), "PYTHONWARNINGS": "ignore"}


def prepare(home: Path, env: Mapping[str, str]) -> None:
    """Create Airflow's database and the login, unless they are there."""
    scheduler_preload.install(home)
    passwords = home / "passwords.json"
    if not passwords.exists():
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({USER: secrets.token_urlsafe(9)}))
    done = subprocess.run(command("db", "migrate"), env=dict(env), capture_output=True, check=False)
    if done.returncode:
        raise PlatformUnavailable(
            "`airflow db migrate` failed", found=done.stderr.decode(errors="replace")[-800:]
        )


def password(home: Path) -> str:
    """Return the password of the login."""
    return str(json.loads((home / "passwords.json").read_text())[USER])


class AirflowApi:
    """A client of Airflow's public REST API.

    Args:
        url: URL of the API server.
        password: Password of the user `admin`.
    """

    def __init__(self, url: str, password: str) -> None:
        answer = httpx.post(
            f"{url}/auth/token", json={"username": USER, "password": password}, timeout=30.0
        )
        answer.raise_for_status()
        token = answer.json()["access_token"]
        self._client = httpx.Client(
            base_url=f"{url}/api/v2",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30.0,
        )

    def get(self, path: str, **query: Any) -> Any:
        """Send a GET request; return the JSON of the response."""
        return self._request("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a POST request; return the JSON of the response."""
        return self._request("POST", path, json=dict(body))

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a PATCH request; return the JSON of the response."""
        return self._request("PATCH", path, json=dict(body))

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a DAG as the UI does; return the run id."""
        body = {"logical_date": None, "conf": conf}
        return str(self.post(f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def load_settings(self, file: Path) -> None:
        """Create the connections, variables and pools that `airflow_settings.yaml` declares.

        Those that are there already stay as they are.
        """
        declared = (yaml.safe_load(file.read_text()) or {}).get("airflow") or {}
        for kind, names in SETTINGS.items():
            for entry in declared.get(kind) or []:
                body = _fields(entry, names)
                if isinstance(body.get("extra"), dict):
                    body["extra"] = json.dumps(body["extra"])
                self._request("POST", f"/{kind}", json=body, may_exist=True)

    def busy_runs(self) -> list[tuple[str, str]]:
        """Return DAG id and run id of every queued or running run."""
        runs = self.get("/dags/~/dagRuns", state=["queued", "running"], limit=100)["dag_runs"]
        return [(run["dag_id"], run["dag_run_id"]) for run in runs]

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of one run."""
        return str(self.get(f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _request(self, method: str, path: str, *, may_exist: bool = False, **content: Any) -> Any:
        try:
            response = self._client.request(method, path, **content)
        except httpx.TransportError as error:
            raise PlatformUnavailable(
                f"Airflow does not respond to {method} {path}",
                found=type(error).__name__,
                where=str(self._client.base_url),
            ) from error
        exists = may_exist and response.status_code == httpx.codes.CONFLICT
        if response.is_error and not exists:
            raise PlatformUnavailable(
                f"Airflow refused {response.request.method} {response.request.url.path}",
                found=f"{response.status_code}: {response.text[:300]}",
            )
        return response.json()


def _secret(home: Path) -> str:
    path = home / "secret"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


def _fields(declared: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Rename the fields of an entry of `airflow_settings.yaml` for the REST API."""
    return {
        names[key]: value
        for key, value in declared.items()
        if key in names and value not in (None, "")
    }
