"""Load on one server by wrk: what it answered, how fast, and what it refused."""

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
    """What came back from one server in one stretch of time.

    Attributes:
        per_second: Requests answered with a 2xx, each second.
        p50_ms: Median latency in milliseconds.
        p99_ms: 99th percentile of the latency in milliseconds.
        cpu_us: Processor time that the server took for one answer, in microseconds; other work
            on the machine disturbs it less than it does the rest.
        failed: Requests without such an answer: another status, or a broken connection.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failed: int


def find_wrk() -> str:
    """Path of wrk; ends the benchmark with a hint where it is missing."""
    found = shutil.which("wrk")
    if found is None:
        raise SystemExit(
            "cannot make load\n"
            "  expected: wrk on the PATH\n"
            "  hint: apt-get install wrk, or brew install wrk"
        )
    return found


def drive(url: str, bodies: Path, *, pid: int, connections: int, seconds: int) -> Load:
    """What a server answers to as many requests as some connections can ask.

    Args:
        url: Where to post.
        bodies: File of request bodies, one a line.
        pid: The server's process.
        connections: How many ask at once, each as soon as it has its answer.
        seconds: For how long.
    """
    command = [find_wrk(), "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    command += ["--script", str(SCRIPT), url, "--", str(bodies)]
    before = cpu_seconds(pid)
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    spent = cpu_seconds(pid) - before
    said = json.loads(told.stdout.splitlines()[-1])
    good = said["answered"] - said["refused"]
    return Load(
        per_second=good / said["seconds"],
        p50_ms=said["p50_ms"],
        p99_ms=said["p99_ms"],
        cpu_us=spent / max(1, said["answered"]) * 1e6,
        failed=said["refused"] + said["broken"],
    )


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its children have taken so far."""
    leader = psutil.Process(pid)
    times = [process.cpu_times() for process in (leader, *leader.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def middle(loads: list[Load]) -> Load:
    """Medians over the rounds; what failed is added up."""
    return Load(
        median(load.per_second for load in loads),
        median(load.p50_ms for load in loads),
        median(load.p99_ms for load in loads),
        median(load.cpu_us for load in loads),
        sum(load.failed for load in loads),
    )
