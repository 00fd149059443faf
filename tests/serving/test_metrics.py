"""Prometheus metrics of a model server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serving.model_versions import MODEL, change_manifest, flights, request_of
from tests.serving.processes import OPTIONS, Process, running_server

INFER = f"/v2/models/{MODEL}/infer"
PINNED = f"/v2/models/{MODEL}/versions/1/infer"
WHO = {"model": MODEL, "version": "1"}


def figures(server: Process) -> dict[tuple[str, tuple[str, ...]], float]:
    """Values by metric name and label values."""
    found = {}
    for family in text_string_to_metric_families(server.get("/metrics").text):
        for sample in family.samples:
            # Process metrics bear Prometheus' own names.
            if sample.name.startswith("process_"):
                found[sample.name, ()] = sample.value
                continue
            assert WHO.items() <= sample.labels.items(), sample.name
            own = tuple(value for name, value in sample.labels.items() if name not in WHO)
            found[sample.name, own] = sample.value
    return found


def post(server: Process, body: bytes, *, path: str = INFER) -> int:
    """The status of an answer."""
    return server.ask("POST", path, content=body, timeout=60).status_code


def test_figures_of_a_server_that_answers(versions: Path, tmp_path: Path) -> None:
    """Requests by status, latency, engine, batch sizes, parity, age, and odd inputs by column."""
    folder = tmp_path / "version"
    shutil.copytree(versions / "1", folder)
    change_manifest(folder, as_of="2013-05-01T00:00:00+00:00")
    odd = request_of(flights(3))
    values = {tensor["name"]: tensor["data"] for tensor in odd["inputs"]}
    values["distance"][1] = 1e9
    values["carrier"][0] = values["carrier"][2] = "ZZ"
    with running_server(folder, tmp_path / "log") as server:
        assert post(server, json.dumps(odd).encode()) == 200
        assert post(server, json.dumps(request_of(flights(1))).encode()) == 200
        assert post(server, b"{") == 400
        seen = figures(server)
    assert seen["slipway_requests_total", ("model", "200")] == 2
    assert seen["slipway_requests_total", ("model", "400")] == 1
    assert seen["slipway_request_seconds_count", ("model", "200")] == 2
    assert seen["slipway_request_seconds_count", ("model", "400")] == 1
    assert seen["process_resident_memory_bytes", ()] > 20e6
    assert seen["slipway_engine", ("onnx",)] == 1
    assert seen["slipway_batch_rows_count", ()] == 2
    assert seen["slipway_batch_rows_sum", ()] == 4
    assert 0 <= seen["slipway_parity_max_difference", ()] < 1e-6
    assert seen["slipway_ready", ()] == 1
    assert seen["slipway_model_as_of_timestamp_seconds", ()] == 1367366400
    assert seen["slipway_log_unshipped_seconds", ()] >= 0
    assert seen["slipway_log_free_bytes", ()] > 0
    assert seen["slipway_auth_failures_total", ("missing",)] == 0
    assert seen["slipway_requests_total", ("model", "503")] == 0
    assert seen["slipway_out_of_range_inputs_total", ("distance",)] == 1
    assert seen["slipway_out_of_range_inputs_total", ("carrier",)] == 2
    assert seen["slipway_out_of_range_inputs_total", ("origin",)] == 0


@pytest.mark.parametrize("version", [4])
def test_figures_of_a_version_that_says_little(
    versions: Path, tmp_path: Path, version: int
) -> None:
    """A version without ranges, parity and age is served without those metrics."""
    folder = tmp_path / "version"
    shutil.copytree(versions / str(version), folder)
    change_manifest(folder, ranges=None, as_of=None)
    with running_server(folder, tmp_path / "log", options=OPTIONS) as server:
        assert post(server, json.dumps(request_of(flights(1))).encode()) == 200
        seen = figures(server)
    assert seen["slipway_engine", ("sklearn",)] == 1
    names = {name for name, _ in seen}
    assert not names & {
        "slipway_parity_max_difference",
        "slipway_model_as_of_timestamp_seconds",
        "slipway_out_of_range_inputs_total",
    }


def test_a_server_that_cannot_serve_says_so(versions: Path, tmp_path: Path) -> None:
    """An unready server has metrics too."""
    with running_server(versions / "3", tmp_path / "log") as server:
        assert post(server, b"{}") == 503
        seen = figures(server)
    assert seen["slipway_ready", ()] == 0
    assert seen["slipway_requests_total", ("model", "503")] == 1


def test_requests_of_this_very_version_are_counted_apart(versions: Path, tmp_path: Path) -> None:
    """A rollout's checks request a version by number; clients request the model."""
    body = json.dumps(request_of(flights(1))).encode()
    # The first is answered on the event loop, the second in a thread.
    with running_server(versions / "1", tmp_path / "log") as server:
        assert post(server, body) == post(server, body, path=PINNED) == 200
        assert post(server, body, path=f"{PINNED}?way=thread") == 200
        seen = figures(server)
    assert seen["slipway_requests_total", ("model", "200")] == 1
    assert seen["slipway_requests_total", ("version", "200")] == 2


def test_every_start_has_a_name_of_its_own(versions: Path, tmp_path: Path) -> None:
    """A label distinguishes starts, so that sums over restarts are possible."""
    names = []
    for _ in range(2):
        with running_server(versions / "1", tmp_path / "log") as server:
            [name] = [own for name, own in figures(server) if name.endswith("instance_info")]
        names.append(name)
    assert names[0] != names[1]
