"""Thousands of invalid requests: each is answered as a client error, and the server goes on."""

from __future__ import annotations

from pathlib import Path

from tests.serving.fuzzing import MARKS
from tests.serving.processes import running_server
from tests.serving.send_requests import scores_of, send_fuzz_requests


def test_nothing_wrong_is_a_fault_of_the_server(versions: Path, tmp_path: Path) -> None:
    """No 500, no missing answer, no value in an error or the log; valid requests are answered."""
    with running_server(versions / "1", tmp_path / "log") as server:
        before = scores_of(server)
        fired = send_fuzz_requests(server, 2_000, seed=1)
        assert scores_of(server) == before
        log = server.output.read_bytes()
    assert fired.faults == []
    assert {kind for kind, _ in fired.counts} == {
        *("structure", "text", "binary", "noise", "path", "head", "pipeline", "part")
    }
    assert {200, 400, 404, 405, 422} <= {status for _, status in fired.counts}
    assert not any(mark in log for mark in (*MARKS, b"Traceback"))
