"""What the platform's front door costs: requests per second through it, and of the server alone.

The same server process answers both; what is compared is one more hop on the same machine, with
the draw, the tally and the stand-ins. Every round asks in another order; medians count.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness import Effort, Ratio, run
from serving_peers.load import Load, drive, find_wrk, middle
from serving_peers.model import make
from serving_peers.platform_process import a_platform

CONNECTIONS = (1, 8, 32)
ROWS = 100


def measure(effort: Effort) -> Iterator[Ratio]:
    """Alone, through the door, and through the door while two versions share the requests."""
    find_wrk()
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        scratch = Path(folder)
        subject = make(scratch, rows=ROWS)
        bodies = scratch / "bodies.jsonl"
        bodies.write_text("".join(f"{body}\n" for body in subject.v2_bodies()))
        measured: dict[tuple[str, int], list[Load]] = {}
        with a_platform(subject, scratch) as platform:
            for _ in range(effort.pick(quick=2, full=5)):
                for way, connections in shuffled():
                    second = 0.5 if way == "shared" else 0.0
                    platform.share({1: 1 - second, 2: second}, keep=[1, 2])
                    servers = platform.servers()
                    url = platform.infer
                    if way == "alone":
                        url = url.replace(platform.url, f"http://127.0.0.1:{servers[1]['port']}")
                    # Its processor time is that of all its processes, the servers among them.
                    load = drive(
                        url,
                        bodies,
                        pid=platform.pid,
                        connections=connections,
                        seconds=effort.pick(quick=1, full=4),
                    )
                    measured.setdefault((way, connections), []).append(load)
    results = {cell: middle(loads) for cell, loads in measured.items()}
    for connections in CONNECTIONS:
        alone = results["alone", connections]
        for way in ("door", "shared"):
            load = results[way, connections]
            yield Ratio(
                f"{way}_over_alone_c{connections}",
                load.per_second / alone.per_second,
                f"{load.per_second:.0f}/s, p50 {load.p50_ms:.2f} ms, p99 {load.p99_ms:.1f} ms, "
                f"{load.failed} failed; alone {alone.per_second:.0f}/s, p50 {alone.p50_ms:.2f} ms",
            )
        door = results["door", connections]
        yield Ratio(
            f"door_cpu_over_alone_c{connections}",
            door.cpu_us / alone.cpu_us,
            f"{door.cpu_us:.0f} us of processor time a request through it, {alone.cpu_us:.0f} us "
            "without",
        )


def shuffled() -> list[tuple[str, int]]:
    """Every way at every number of connections, in a new order."""
    cells = [(way, count) for way in ("alone", "door", "shared") for count in CONNECTIONS]
    return random.sample(cells, len(cells))


if __name__ == "__main__":
    run("front_door", measure)
