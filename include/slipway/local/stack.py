"""Start and stop a local installation: MLflow, Airflow and the platform."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr

from slipway.adapters.platforms.v2_replies import tls_context
from slipway.local import airflow
from slipway.local.addresses import LOOPBACK, answers_ok, free_ports, wait_until_answers
from slipway.local.processes import Processes
from slipway.settings import Settings

PORTS = "ports.json"
NO_TELEMETRY = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "NO_PROXY": f"{LOOPBACK},localhost",
    "OMP_NUM_THREADS": "2",
    "ORT_DISABLE_TELEMETRY": "1",
}


@dataclass(frozen=True)
class Addresses:
    """URLs of the services, all on loopback."""

    airflow: str
    mlflow: str
    platform: str


class Stack:
    """The processes of one local installation under one state folder.

    Args:
        project: Holds `dags/`, `plugins/` and `include/`.
        folder: State: store, databases, logs, pids.
        ports: Ports of an installation that runs already; None: free ones.
    """

    def __init__(self, project: Path, folder: Path, *, ports: Sequence[int] | None = None) -> None:
        self.project = project
        self.folder = folder
        self._ports = ports or free_ports(4, wanted=last_ports(folder))
        *ports, self._execution_port = self._ports
        self._airflow_port = ports[0]
        schemes = "http", "http", "http" if Settings().tls_certificate is None else "https"
        self.addresses = Addresses(
            *(f"{scheme}://{LOOPBACK}:{port}" for scheme, port in zip(schemes, ports, strict=True))
        )
        self.settings = Settings(
            project=project,
            store=str(folder / "store"),
            scratch=folder / "scratch",
            mlflow=self.addresses.mlflow,
            platform=self.addresses.platform,
            log_roll_seconds=1.0,
        )
        self._umask = int(self.settings.umask, 8)
        self.processes = Processes(folder, umask=self._umask)

    @property
    def home(self) -> Path:
        """`AIRFLOW_HOME`."""
        return self.folder / "airflow"

    def environment(self) -> dict[str, str]:
        """Return the environment of every process."""
        own = {
            f"SLIPWAY_{name.upper()}": str(value)
            for name, value in self.settings.model_dump(exclude_none=True).items()
            # Secrets are in the environment already.
            if not isinstance(value, SecretStr)
        }
        if self.settings.signing_key is not None:
            # As a path it may be relative there.
            own["SLIPWAY_SIGNING_KEY"] = self.settings.signing_key.get_secret_value()
        return {**os.environ, **NO_TELEMETRY, **own}

    def airflow_environment(self) -> dict[str, str]:
        """Return the environment of Airflow's processes."""
        return airflow.environment(
            self.project,
            self.home,
            port=self._airflow_port,
            execution_port=self._execution_port,
            base=self.environment(),
        )

    def up(self, *, progress: Callable[[str], None]) -> airflow.AirflowApi:
        """Start everything; return Airflow's REST API once all services respond.

        Args:
            progress: Called with each step as it begins.

        Raises:
            PlatformUnavailable: A process ended or did not respond in time.
        """
        (self.folder / "store").mkdir(parents=True, exist_ok=True)
        # Also hides what an earlier version has written with wider rights.
        self.folder.chmod(self.folder.stat().st_mode & 0o777 & ~self._umask)
        (self.folder / PORTS).write_text(json.dumps(self._ports))
        progress("starting MLflow and the serving platform")
        self.start_mlflow()
        self.start_platform()
        api = self.start_all_of_airflow(progress=progress)
        progress("waiting for MLflow and the platform")
        self._wait(f"{self.addresses.mlflow}/health")
        self._wait(f"{self.addresses.platform}/v2/health/live")
        return api

    def start_all_of_airflow(
        self, *, progress: Callable[[str], None] = lambda _: None
    ) -> airflow.AirflowApi:
        """Create Airflow's database if needed, start its components, and return its REST API.

        Args:
            progress: Called with each step as it begins.

        Raises:
            PlatformUnavailable: A process ended or did not respond in time.
        """
        progress("preparing Airflow's database")
        airflow.prepare(self.home, self.airflow_environment())
        for name in airflow.COMPONENTS:
            progress(f"starting Airflow's {name}")
            self.start_airflow(name)
        progress("waiting for Airflow's REST API")
        self._wait(f"{self.addresses.airflow}/api/v2/version")
        api = airflow.AirflowApi(self.addresses.airflow, airflow.password(self.home))
        settings = self.project / "airflow_settings.yaml"
        if settings.exists():
            api.load_settings(settings)
        progress("waiting for Airflow's other components")
        self._wait(f"{self.addresses.airflow}/api/v2/monitor/health", good=_all_healthy)
        return api

    def down(self) -> None:
        """Stop everything that was started from the state folder."""
        self.processes.stop()

    def start_mlflow(self) -> None:
        """Start the MLflow server: SQLite, artifacts served over HTTP."""
        data = self.folder / "mlflow"
        data.mkdir(parents=True, exist_ok=True)
        port = self.addresses.mlflow.rsplit(":", 1)[1]
        options = {
            "--host": LOOPBACK,
            "--port": port,
            "--workers": "1",
            "--backend-store-uri": f"sqlite:///{data / 'mlflow.db'}",
            "--artifacts-destination": str(data / "artifacts"),
        }
        arguments = [word for pair in options.items() for word in pair]
        self._start("mlflow", sys.executable, "-m", "mlflow", "server", *arguments)

    def start_platform(self) -> None:
        """Start the serving platform."""
        port = self.addresses.platform.rsplit(":", 1)[1]
        self._start("platform", sys.executable, "-m", "slipway.cli", "platform", "--port", port)

    def start_airflow(self, name: str) -> None:
        """Start one of Airflow's components."""
        port = ("--port", str(self._execution_port)) if name == "execution-api" else ()
        command = airflow.command(*airflow.COMPONENTS[name], *port)
        self.processes.start(name, command, env=self.airflow_environment())

    def _start(self, name: str, *command: str) -> None:
        self.processes.start(name, command, env=self.environment())

    def _wait(self, url: str, *, good: Callable[[httpx.Response], bool] = answers_ok) -> None:
        trust = tls_context(self.settings.tls_ca, is_needed=url.startswith("https:"))
        wait_until_answers(url, seconds=180.0, check=self.processes.check, good=good, trust=trust)


def last_ports(folder: Path) -> list[int]:
    """Return the ports of the last run, so that addresses stay the same where they can."""
    file = folder / PORTS
    return list(json.loads(file.read_text())) if file.exists() else []


def _all_healthy(response: httpx.Response) -> bool:
    parts = response.json().values()
    return all(part["status"] in ("healthy", None) for part in parts)
