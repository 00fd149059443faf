"""Where the installation of `slipway up` is, for the other commands of its project."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from slipway.local.ownership import owner


@dataclass(frozen=True)
class Running:
    """Addresses of a running installation.

    Attributes:
        store: Root of its store.
        mlflow: Address of MLflow.
        platform: Address of the serving platform.
        airflow: Address of Airflow.
    """

    store: str
    mlflow: str
    platform: str
    airflow: str

    def variables(self) -> dict[str, str]:
        """Return the variables by which other commands find it."""
        return {
            "SLIPWAY_STORE": self.store,
            "SLIPWAY_MLFLOW": self.mlflow,
            "SLIPWAY_PLATFORM": self.platform,
        }


def up_folder(project: Path) -> Path:
    """Return the state folder of `slipway up`: store, databases, logs and pids."""
    return project / ".slipway" / "up"


def up_store(project: Path) -> Path:
    """Return the store of `slipway up`."""
    return up_folder(project) / "store"


def write_running(project: Path, running: Running) -> None:
    """Tell other commands where the installation of a project is."""
    file = _file(project)
    draft = file.with_suffix(".tmp")
    draft.write_text(json.dumps({"pid": os.getpid(), **asdict(running)}, indent=1))
    draft.replace(file)


def remove_running(project: Path) -> None:
    """Tell other commands that the installation is gone."""
    _file(project).unlink(missing_ok=True)


def find_running(project: Path) -> Running | None:
    """Return the addresses of a project's installation; None unless it runs and is complete."""
    try:
        written = json.loads(_file(project).read_text())
    except (FileNotFoundError, ValueError):
        return None
    # One that was killed has left its file.
    if written.pop("pid", None) != owner(up_folder(project)):
        return None
    return Running(**written)


def _file(project: Path) -> Path:
    return project / ".slipway" / "running.json"
