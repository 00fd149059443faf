"""An MLflow that accepts connections and never answers: reports tell what the store has."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.cli import status, why
from slipway.cli.output import REPORT_WITHIN_S
from slipway.errors import RegistryUnavailable
from slipway.wiring import Container
from tests.support.command_line import Make, slipway
from tests.support.promotions import promoted
from tests.support.small_specs import FILES

WITHIN_S = 0.3
LATE = "the MLflow server did not answer within 0.3 s"


@pytest.fixture
def mlflow() -> Iterator[str]:
    """URL of a server that hangs."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as hanging:
        yield f"http://127.0.0.1:{hanging.getsockname()[1]}"


def test_an_answer_that_does_not_come_is_told_with_its_time_limit(mlflow: str) -> None:
    """A server that refuses connections is told otherwise."""
    with pytest.raises(RegistryUnavailable, match=LATE):
        MlflowRegistry(mlflow, answer_within_s=WITHIN_S).alias("sales", "champion")


@pytest.mark.parametrize("deployment", ["local", "batch"])
def test_reports_answer_without_it(
    mlflow: str,
    deployment: str,
    project: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`why` and `status` tell what the ledger has, and that the registry was late."""
    assert REPORT_WITHIN_S < 10
    model = FILES["models/sales/model.yaml"] + f"deployment: {deployment}\n"
    monkeypatch.setenv("SLIPWAY_PROJECT", str(project({**FILES, "models/sales/model.yaml": model})))
    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SLIPWAY_MLFLOW", mlflow)
    for command in (why, status):
        monkeypatch.setattr(command, "REPORT_WITHIN_S", WITHIN_S)
    promoted(Container().store, "sales", 2)
    lines = slipway("why", "sales").output.splitlines()
    assert len(lines) == 5
    assert f"which version is champion is not known: {LATE}" in lines[0]
    assert lines[1].endswith("(rollout-000002): Version 2 is champion.")
    assert lines[4] == f"Next: not known: {LATE}."
    (found,) = json.loads(slipway("status", "sales", "--json").output)
    assert LATE in found["unknown"]
    assert found["verdicts"][0]["action"] == "promoted"
