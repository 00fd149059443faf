"""Airflow's connections become settings that the environment does not set."""

from __future__ import annotations

import os

import pytest

from slipway.orchestration.airflow_connections import fill_environment
from slipway.settings import Settings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo changes of the environment by the function under test."""
    variables = ("MLFLOW", "MLFLOW_USER", "MLFLOW_PASSWORD", "PLATFORM", "STORE")
    for name in (f"SLIPWAY_{one}" for one in variables):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ("http://mlflow.example:5001", "http://mlflow.example:5001"),
        ("http://mlflow.example:443/https", "https://mlflow.example:443"),
        ("http://mlflow.example", "http://mlflow.example"),
    ],
)
def test_a_connection_gives_the_address(
    monkeypatch: pytest.MonkeyPatch, connection: str, url: str
) -> None:
    """Host, port and scheme, in Airflow's own spelling of a connection."""
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_MLFLOW", connection)
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_PLATFORM", "http://127.0.0.1:8600")
    fill_environment()
    settings = Settings()
    assert settings.mlflow == url
    assert settings.platform == "http://127.0.0.1:8600"


def test_a_password_never_becomes_part_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are logged and recorded, so they hold no password; the login is sent apart."""
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_MLFLOW", "http://ann:se%2Fcret@mlflow.example:5001")
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_PLATFORM", "http://127.0.0.1:8600")
    fill_environment()
    assert os.environ["SLIPWAY_MLFLOW"] == "http://mlflow.example:5001"
    assert Settings().with_userinfo("mlflow") == "http://ann:se%2Fcret@mlflow.example:5001"


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that a pod or a test sets wins, and Airflow's connection is not read."""
    names = ("SLIPWAY_MLFLOW", "SLIPWAY_PLATFORM", "SLIPWAY_STORE")
    for name in names:
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("AIRFLOW_CONN_SLIPWAY_MLFLOW", "http://other.example:5001")
    fill_environment()
    assert {os.environ[name] for name in names} == {"mine"}


@pytest.mark.usefixtures("airflow_database")
def test_an_unset_value_keeps_its_default() -> None:
    """A missing connection and a missing variable are no error; the default applies."""
    fill_environment()
    assert Settings().mlflow == "http://127.0.0.1:5000"
