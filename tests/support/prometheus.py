"""A real Prometheus on loopback, with a past that promtool wrote; skipped where it is missing."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.serving.processes import free_port, until

PROJECT = Path(__file__).resolve().parents[2]
SCRAPE_S = 15


def find_tool(name: str) -> str:
    """Path of `promtool` or `prometheus`; skips the test without it."""
    path = os.pathsep.join([os.environ["PATH"], str(PROJECT / "build")])
    tool = shutil.which(name, path=path)
    if tool is None:
        pytest.skip(f"{name} is not here; .ci/run fetches it")
    return tool


@dataclass(frozen=True)
class Past:
    """A series that was scraped in [start, end), four times a minute.

    Attributes:
        metric: Its name.
        labels: Its labels.
        start: First scrape.
        end: Moment after the last one.
        value: Value by seconds since `start`.
    """

    metric: str
    labels: Mapping[str, str]
    start: datetime
    end: datetime
    value: Callable[[float], float]

    def lines(self) -> Iterator[str]:
        """Its samples as OpenMetrics has them."""
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        first, seconds = self.start.timestamp(), (self.end - self.start).total_seconds()
        for since in range(0, int(seconds), SCRAPE_S):
            yield f"{self.metric}{{{labels}}} {self.value(since)} {first + since:.0f}"


def write_past(series: list[Past], folder: Path) -> Path:
    """Write blocks that hold the series; return their folder."""
    by_family: dict[str, list[Past]] = {}
    for one in series:
        family = one.metric.removesuffix("_total").removesuffix("_bucket")
        by_family.setdefault(family, []).append(one)
    kinds = {"_total": "counter", "_bucket": "histogram"}
    text = folder / "past.txt"
    with text.open("w") as file:
        for family, members in by_family.items():
            kind = kinds.get(members[0].metric.removeprefix(family), "unknown")
            file.write(f"# TYPE {family} {kind}\n")
            for one in members:
                file.writelines(f"{line}\n" for line in one.lines())
        file.write("# EOF\n")
    blocks = folder / "blocks"
    command = [find_tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", text, blocks]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return blocks


@contextlib.contextmanager
def running_prometheus(blocks: Path, folder: Path) -> Iterator[str]:
    """The address of a Prometheus that holds these blocks."""
    config, port = folder / "prometheus.yml", free_port()
    config.write_text("{}\n")
    command = [
        find_tool("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={blocks}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    url = f"http://127.0.0.1:{port}"
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: httpx.get(f"{url}/-/ready").is_success, "Prometheus is ready")
        yield url
    finally:
        process.terminate()
        process.wait(30)
