"""Load one server with wrk: throughput, latency, processor time and failures."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

SCRIPT = Path(__file__).with_name("post.lua")
TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class Load:
    """Measurement of one server under load.

    Attributes:
        per_second: Requests answered with a 2xx, each second.
        p50_ms: Median latency in milliseconds.
        p99_ms: 99th percentile of the latency in milliseconds.
        cpu_us: Processor time of the server per response, in microseconds; other work on the
            machine disturbs it less than the other figures.
        failed: Requests with another status, or with a broken connection.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failed: int


def find_wrk() -> str:
    """Return the path of wrk; end the benchmark with a hint where it is missing."""
    found = shutil.which("wrk")
    if found is None:
        raise SystemExit(
            "cannot load the server\n"
            "  expected: wrk on the PATH\n"
            "  hint: apt-get install wrk, or brew install wrk"
        )
    return found


def drive(url: str, bodies: Path, *, pid: int, connections: int, seconds: int) -> Load:
    """Load a server from some connections, each with one request after the other.

    Args:
        url: URL of the POST requests.
        bodies: File of request bodies, one per line.
        pid: Process id of the server.
        connections: Number of connections.
        seconds: Duration.
    """
    command = [find_wrk(), "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    command += ["--script", str(SCRIPT), url, "--", str(bodies)]
    before = cpu_seconds(pid)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    spent = cpu_seconds(pid) - before
    found = json.loads(done.stdout.splitlines()[-1])
    good = found["answered"] - found["refused"]
    return Load(
        per_second=good / found["seconds"],
        p50_ms=found["p50_ms"],
        p99_ms=found["p99_ms"],
        cpu_us=spent / max(1, found["answered"]) * 1e6,
        failed=found["refused"] + found["broken"],
    )


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and its children so far."""
    leader = psutil.Process(pid)
    times = [process.cpu_times() for process in (leader, *leader.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def middle(loads: list[Load]) -> Load:
    """Return medians over the rounds, and the sum of failures."""
    return Load(
        median(load.per_second for load in loads),
        median(load.p50_ms for load in loads),
        median(load.p99_ms for load in loads),
        median(load.cpu_us for load in loads),
        sum(load.failed for load in loads),
    )
