"""Cost of the platform's reverse proxy: requests per second through it, and of the server alone.

The same server process answers both; the difference is one more hop on the same machine, with the
pick of a version, its statistics and failover. Rounds are shuffled; medians are reported.

`--clients httpx,aiohttp` adds platforms whose proxy uses those HTTP clients.
"""

from __future__ import annotations

import random
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from harness import Effort, Ratio, run
from serving_peers.load import Load, drive, find_wrk, middle
from serving_peers.model import make
from serving_peers.platform_process import RunningPlatform, a_platform

CONNECTIONS = (1, 8, 32)
ROWS = 100
WAYS = ("alone", "proxied", "shared")
OWN = "own"

Cell = tuple[str, int]


def add_options(parser: ArgumentParser) -> None:
    """Add options: other HTTP clients, and how long to measure."""
    parser.add_argument("--clients", default="", help="httpx, aiohttp or both, with a comma")
    parser.add_argument("--seconds", type=int, help="length of one measurement; default: 4, or 1")
    parser.add_argument("--rounds", type=int, help="measurements per cell; default: 5, or 2")


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure a server alone, behind the proxy, and beside a second version behind the proxy."""
    find_wrk()
    clients = [name for name in effort.options.clients.split(",") if name]
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder, ExitStack() as stack:
        scratch = Path(folder)
        subject = make(scratch, rows=ROWS)
        bodies = scratch / "bodies.jsonl"
        bodies.write_text("".join(f"{body}\n" for body in subject.v2_bodies()))
        platforms = {OWN: stack.enter_context(a_platform(subject, scratch / OWN))}
        for client in clients:
            other = a_platform(subject, scratch / client, client=client)
            platforms[client] = stack.enter_context(other)
            platforms[client].share({1: 1.0}, keep=[1])
        results = measure_all(platforms, bodies, effort)
    yield from compare(results)
    for client in clients:
        yield from compare_client(results, client)


def measure_all(
    platforms: dict[str, RunningPlatform], bodies: Path, effort: Effort
) -> dict[Cell, Load]:
    """Return the median of the rounds, by way and number of connections."""
    measured: dict[Cell, list[Load]] = {}
    ways = [*WAYS, *(client for client in platforms if client != OWN)]
    for _ in range(effort.options.rounds or effort.pick(quick=2, full=5)):
        for way, connections in shuffled(ways):
            platform = platforms.get(way, platforms[OWN])
            url = platform.infer
            if way in WAYS:
                second = 0.5 if way == "shared" else 0.0
                platform.share({1: 1 - second, 2: second}, keep=[1, 2])
            if way == "alone":
                port = platform.servers()[1]["port"]
                url = url.replace(platform.url, f"http://127.0.0.1:{port}")
            # The processor time is that of the platform and its servers.
            load = drive(
                url,
                bodies,
                pid=platform.pid,
                connections=connections,
                seconds=effort.options.seconds or effort.pick(quick=1, full=4),
            )
            measured.setdefault((way, connections), []).append(load)
    return {cell: middle(loads) for cell, loads in measured.items()}


def compare(results: dict[Cell, Load]) -> Iterator[Ratio]:
    """Compare the reverse proxy with a server alone."""
    for connections in CONNECTIONS:
        alone = results["alone", connections]
        for way in ("proxied", "shared"):
            load = results[way, connections]
            yield Ratio(
                f"{way}_over_alone_c{connections}",
                load.per_second / alone.per_second,
                f"{load.per_second:.0f}/s, p50 {load.p50_ms:.2f} ms, p99 {load.p99_ms:.1f} ms, "
                f"{load.failed} failed; alone {alone.per_second:.0f}/s, p50 {alone.p50_ms:.2f} ms",
            )
        proxied = results["proxied", connections]
        yield Ratio(
            f"proxied_cpu_over_alone_c{connections}",
            proxied.cpu_us / alone.cpu_us,
            f"{proxied.cpu_us:.0f} us of processor time per request through it, "
            f"{alone.cpu_us:.0f} us without",
        )


def compare_client(results: dict[Cell, Load], client: str) -> Iterator[Ratio]:
    """Compare the reverse proxy with one that uses another HTTP client."""
    for connections in CONNECTIONS:
        proxied, other = results["proxied", connections], results[client, connections]
        yield Ratio(
            f"proxied_over_{client}_c{connections}",
            proxied.per_second / other.per_second,
            f"{proxied.per_second:.0f}/s, p50 {proxied.p50_ms:.2f} ms, "
            f"p99 {proxied.p99_ms:.1f} ms, {proxied.cpu_us:.0f} us; {client} "
            f"{other.per_second:.0f}/s, p50 {other.p50_ms:.2f} ms, p99 {other.p99_ms:.1f} ms, "
            f"{other.cpu_us:.0f} us, {other.failed} failed",
        )


def shuffled(ways: list[str]) -> list[Cell]:
    """Return every way at every number of connections, in a new order."""
    cells = [(way, count) for way in ways for count in CONNECTIONS]
    return random.sample(cells, len(cells))


if __name__ == "__main__":
    run("reverse_proxy", measure, add_options=add_options)
