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
    """Set each missing `SLIPWAY_…` address that has a connection in Airflow."""
    for name, conn_id in CONNECTIONS.items():
        if name not in os.environ and (url := _connection_url(conn_id)):
            os.environ[name] = url


def _connection_url(conn_id: str) -> str | None:
    try:
        connection = Connection.get(conn_id)
    except AirflowNotFoundException:
        return None
    host = str(connection.host or "")
    if not host:
        return None
    address = host if "://" in host else f"{connection.schema or 'http'}://{host}"
    return f"{address}:{connection.port}" if connection.port else address
