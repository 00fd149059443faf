"""Public clients, unchanged and in their own environment, against the real server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.serving.clients import PYTHON, needs_clients
from tests.serving.model_versions import MODEL, flights, offline_scores
from tests.serving.platform_env import running_platform_env
from tests.serving.processes import Process, running_server

SCRIPTS = Path(__file__).with_name("public")
DATATYPES = {"distance": "FP64", "temperature": "FP64", "carrier": "BYTES", "origin": "BYTES"}

pytestmark = needs_clients


@pytest.fixture(scope="module", params=["server", "platform"])
def server(
    request: pytest.FixtureRequest, versions: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """A server of version 1, and a platform that serves it."""
    folder = tmp_path_factory.mktemp("clients")
    if request.param == "server":
        with running_server(versions / "1", folder / "log") as running:
            yield running
    else:
        with running_platform_env(folder, versions) as env:
            env.serve(1, keep=[])
            yield env.process


def ask(client: str, server: Process, rows: pd.DataFrame) -> dict[str, Any]:
    """Output of a public client."""
    asked = {
        "address": server.url.removeprefix("http://"),
        "model": MODEL,
        "columns": {name: [kind, rows[name].tolist()] for name, kind in DATATYPES.items()},
    }
    done = subprocess.run(
        [PYTHON, SCRIPTS / f"ask_with_{client}.py"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads(done.stdout)
    return results


def whole(rows: int) -> pd.DataFrame:
    """Flights without missing values, which not every client can send as JSON."""
    return flights(2 * rows, seed=8).dropna().head(rows)


def test_tritonclient_asks_in_json_and_in_binary(server: Process, versions: Path) -> None:
    """Triton's client gets the offline predictions, in JSON and in binary."""
    rows = whole(20)
    results = ask("tritonclient", server, rows)
    expected = pytest.approx(offline_scores(versions / "1", rows), abs=1e-6)
    assert all(scores == expected for scores in results["scores"].values())
    assert len(results["scores"]) == 6
    assert results["about"]["binary"] == ["mine", MODEL, "1"]


def test_tritonclient_learns_what_is_served(server: Process) -> None:
    """Triton's client reads health and metadata, and an error with the column."""
    results = ask("tritonclient", server, whole(2))
    assert results["live"]
    assert results["ready"]
    assert results["model ready"]
    assert not results["other model ready"]
    assert results["server"]["name"] == "slipway"
    assert results["server"]["extensions"] == ["binary_tensor_data"]
    assert results["model"]["name"] == MODEL
    assert results["model"]["versions"] == ["1"]
    assert {item["name"]: item["datatype"] for item in results["model"]["inputs"]}.items() >= (
        DATATYPES.items()
    )
    assert results["model"]["outputs"] == [{"name": "score", "datatype": "FP64", "shape": [-1]}]
    status, message = results["refusal"]
    assert status == "422"
    assert "lacks column 'distance'" in message


def test_kserve_asks_in_json_and_in_binary(server: Process, versions: Path) -> None:
    """KServe's client gets the offline predictions, health, and error messages."""
    rows = whole(20)
    results = ask("kserve", server, rows)
    expected = pytest.approx(offline_scores(versions / "1", rows), abs=1e-6)
    assert results["scores"] == {"JSON": expected, "binary": expected}
    assert results["about"]["JSON"] == results["about"]["binary"] == ["mine", MODEL]
    assert results["live"]
    assert results["ready"]
    assert results["model ready"]
    assert not results["other model ready"]
    status, message = results["refusal"]
    assert status == 422
    assert "lacks column 'distance'" in message


@pytest.mark.parametrize("client", ["tritonclient", "kserve"])
def test_a_missing_number_is_nan_in_binary(client: str, server: Process, versions: Path) -> None:
    """NaN in binary is a missing value, and refused where the signature allows none."""
    rows = flights(30, seed=9).dropna(subset=["origin"])
    assert rows["temperature"].isna().any()
    results = ask(client, server, rows)
    assert results["scores"]["binary"] == pytest.approx(
        offline_scores(versions / "1", rows), abs=1e-6
    )
