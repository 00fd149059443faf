"""Seconds from the command to roll back until the previous version answers a client.

A real platform, real servers of a real model, and continuous load. The previous version is warm, as
a rollout keeps it; the peer is the same rollback to a version that has to be started.
"""

from __future__ import annotations

import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
from harness import Effort, Ratio, run
from serving_peers.load import Load, drive, find_wrk
from serving_peers.model import make
from serving_peers.platform_process import RunningPlatform, a_platform

CONNECTIONS = 8
ROWS = 100
READ_BACKS = 20
SETTLE_SECONDS = 30.0


def add_options(parser: ArgumentParser) -> None:
    """Add an option for the load."""
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="number of clients")


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure rollbacks to a warm and to a cold version, under load."""
    find_wrk()
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        scratch = Path(folder)
        subject = make(scratch, rows=ROWS)
        bodies = scratch / "bodies.jsonl"
        bodies.write_text("".join(f"{body}\n" for body in subject.v2_bodies()))
        body = next(subject.v2_bodies())
        with a_platform(subject, scratch) as platform:
            platform.share({1: 1.0}, keep=[2])
            loads: list[Load] = []
            with continuous_load(platform, bodies, loads, connections=effort.options.connections):
                warm = [
                    roll_back(platform, body, is_warm=True)
                    for _ in range(effort.pick(quick=5, full=30))
                ]
                cold = [
                    roll_back(platform, body, is_warm=False)
                    for _ in range(effort.pick(quick=2, full=6))
                ]
    answered = sum(load.per_second for load in loads)
    failed = sum(load.failed for load in loads)
    yield Ratio(
        "cold_over_warm",
        median(cold) / median(warm),
        f"median of {len(cold)} cold: {median(cold):.2f} s, of {len(warm)} warm: "
        f"{median(warm) * 1000:.0f} ms (slowest {max(warm) * 1000:.0f} ms)",
    )
    yield Ratio(
        "failed_over_requests",
        failed / max(1.0, answered + failed),
        f"{failed} requests failed, {answered:.0f} were answered meanwhile by "
        f"{effort.options.connections} clients",
    )


def roll_back(platform: RunningPlatform, body: str, *, is_warm: bool) -> float:
    """Roll back, and return the seconds until the other version answers a request."""
    [now, other] = roles(platform)
    platform.share({now: 1.0}, keep=[other] if is_warm else [])
    wait_for(platform, {now, other} if is_warm else {now})
    with httpx.Client(timeout=90, trust_env=False) as client:

        def version() -> int:
            reply = client.post(platform.infer, content=body)
            return int(reply.raise_for_status().headers["x-slipway-version"])

        if version() != now:
            raise AssertionError(f"version {now} should serve before the rollback")
        began = time.perf_counter()
        platform.share({other: 1.0}, keep=[now] if is_warm else [])
        first = version()
        seconds = time.perf_counter() - began
        found = {first, *(version() for _ in range(READ_BACKS))}
    if found != {other}:
        raise AssertionError(f"versions {sorted(found)} answered instead of {other} alone")
    return seconds


def roles(platform: RunningPlatform) -> list[int]:
    """Return the version that serves, and the other one."""
    served = platform.adapter.served(platform.model)
    if served is None or served.version is None:
        raise AssertionError("one version should serve")
    return [served.version, 3 - served.version]


def wait_for(platform: RunningPlatform, versions: set[int]) -> None:
    """Wait until exactly these versions run and are ready."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        servers = platform.servers()
        if servers.keys() == versions and all(about["ready"] for about in servers.values()):
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"versions {sorted(versions)} should run, found {servers}")
        time.sleep(0.05)


@contextmanager
def continuous_load(
    platform: RunningPlatform, bodies: Path, loads: list[Load], *, connections: int
) -> Iterator[None]:
    """Load the reverse proxy second by second; each rate is the requests of one second."""
    over = threading.Event()

    def load() -> None:
        while not over.is_set():
            url = platform.infer
            loads.append(drive(url, bodies, pid=platform.pid, connections=connections, seconds=1))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    run("rollback", measure, add_options=add_options)
