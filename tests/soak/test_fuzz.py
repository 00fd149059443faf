"""A hundred thousand invalid requests in sequence, to one server."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from tests.serving.fuzzing import MARKS
from tests.serving.model_versions import save_version
from tests.serving.processes import running_server
from tests.serving.send_requests import scores_of, send_fuzz_requests

SHOTS = 120_000
WARM = 20_000
GROWTH_MIB = 32


def test_a_hundred_thousand_wrong_requests(tmp_path: Path) -> None:
    """None is a 500 or a crash, no answer has a value of a request, and memory does not grow."""
    save_version(tmp_path / "1", seed=1)
    with running_server(tmp_path / "1", tmp_path / "log") as server:
        before = scores_of(server)
        process = psutil.Process(server.process.pid)
        began = time.monotonic()
        warm = send_fuzz_requests(server, WARM, seed=2)
        resident = process.memory_info().rss
        fired = send_fuzz_requests(server, SHOTS - WARM, seed=3)
        seconds = time.monotonic() - began
        grown_mib = (process.memory_info().rss - resident) / (1 << 20)
        assert scores_of(server) == before
        log = server.output.read_bytes()
    fired.counts += warm.counts
    print(f"\n{SHOTS} shots in {seconds:.0f} s, resident memory {grown_mib:+.1f} MiB")
    print(fired.table())
    assert warm.faults + fired.faults == []
    assert not any(mark in log for mark in (*MARKS, b"Traceback"))
    assert grown_mib < GROWTH_MIB
