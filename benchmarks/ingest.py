"""Cost of ingesting a large batch: seconds per row, and the peak memory of the process.

Peers, each in a process of its own: Great Expectations' own compute on the same rows held in memory
(without reading, casting and committing them), and DuckDB's for the same checks in SQL on the
Parquet file. DuckDB is installed in `build/`, apart from .venv.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import Effort, Ratio, install_peers, run

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "ingest_peers"))

from delivery import BATCH, write_delivery  # noqa: E402 - of the folder above

LOCK = HERE / "ingest_peers" / "requirements.txt"
PEERS = HERE.parent / "build" / "ingest_peers"
ROWS = (100_000, 1_000_000, 10_000_000)
QUICK_ROWS = (1_000_000,)


@dataclass(frozen=True)
class Cost:
    """Cost of one way.

    Attributes:
        rows: Rows that it saw.
        seconds: Wall time.
        peak_mib: Peak of its process, imports included.
    """

    rows: int
    seconds: float
    peak_mib: float

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure every size; the last one's ratios have the names without a size."""
    install_peers(LOCK, PEERS)
    for rows in QUICK_ROWS if effort.quick else ROWS:
        is_last = rows == (QUICK_ROWS if effort.quick else ROWS)[-1]
        with tempfile.TemporaryDirectory() as folder:
            yield from measure_size(Path(folder), rows, suffix="" if is_last else f"_{rows}")


def measure_size(folder: Path, rows: int, *, suffix: str) -> Iterator[Ratio]:
    """Measure one size: both formats and the peers."""
    files = {kind: folder / kind / landing(kind) for kind in ("csv", "parquet")}
    for file in files.values():
        file.parent.mkdir(parents=True)
        write_delivery(file, rows=rows)
    own = {kind: cost("slipway", file) for kind, file in files.items()}
    gx = cost("gx", files["parquet"])
    duckdb = cost("duckdb", files["parquet"])
    for kind, one in own.items():
        yield Ratio(
            f"ingest_over_gx_{kind}{suffix}",
            one.seconds / gx.seconds,
            f"{rows:,} rows of {kind}: {one.seconds:.1f} s ({one.rate:,.0f} rows/s), Great "
            f"Expectations alone {gx.seconds:.1f} s in {gx.peak_mib:,.0f} MiB",
        )
    yield Ratio(
        f"ingest_over_duckdb_parquet{suffix}",
        own["parquet"].seconds / duckdb.seconds,
        f"{rows:,} rows: {own['parquet'].seconds:.1f} s, DuckDB's checks {duckdb.seconds:.2f} s",
    )
    peak = max(one.peak_mib for one in own.values())
    sizes = ", ".join(f"{kind} {one.peak_mib:,.0f}" for kind, one in own.items())
    yield Ratio(f"peak_mib{suffix}", peak, f"{rows:,} rows, MiB: {sizes}")


def landing(kind: str) -> str:
    """Key of the delivery."""
    return f"landing/flights/features/{BATCH}.{kind}"


def cost(way: str, file: Path) -> Cost:
    """Run one way in a process of its own."""
    command = [sys.executable, str(HERE / "ingest_peers" / "one.py"), way, str(file)]
    environment = {**os.environ, "PYTHONPATH": str(PEERS)}
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if ran.returncode:
        raise SystemExit(f"{way} failed\n{ran.stderr[-2000:]}")
    return Cost(**json.loads(ran.stdout.splitlines()[-1]))


if __name__ == "__main__":
    run("ingest", measure)
