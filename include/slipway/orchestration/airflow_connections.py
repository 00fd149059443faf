"""Fill in settings from Airflow's connections.

The environment takes precedence. A connection is read when a task runs, never at parse.
The store's root has no connection: the landing trigger needs it at parse, from the environment.
"""

from __future__ import annotations

import os

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

CONNECTIONS = {"SLIPWAY_MLFLOW": "slipway_mlflow", "SLIPWAY_PLATFORM": "slipway_platform"}


def fill_environment() -> None:
    """Set each missing `SLIPWAY_…` address that has a connection in Airflow.

    The login of MLflow's connection is set beside it, where it has one.
    """
    for name, conn_id in CONNECTIONS.items():
        if name in os.environ or (connection := _find(conn_id)) is None:
            continue
        if url := _address(connection):
            os.environ[name] = url
            if name == "SLIPWAY_MLFLOW" and connection.login:
                os.environ.setdefault("SLIPWAY_MLFLOW_USER", connection.login)
                os.environ.setdefault("SLIPWAY_MLFLOW_PASSWORD", connection.password or "")


def _find(conn_id: str) -> Connection | None:
    try:
        found: Connection = Connection.get(conn_id)
    except AirflowNotFoundException:
        return None
    return found


def _address(connection: Connection) -> str | None:
    host = str(connection.host or "")
    if not host:
        return None
    address = host if "://" in host else f"{connection.schema or 'http'}://{host}"
    return f"{address}:{connection.port}" if connection.port else address
