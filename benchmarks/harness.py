"""Common frame of every benchmark: options, best-of timing, and one JSON line at the end.

Seconds depend on the machine, so a benchmark reports ratios of two things measured in one run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Ratio:
    """One measured quantity divided by another, both from this run.

    Attributes:
        name: The two quantities, as an identifier.
        value: The quotient.
        meaning: The same in a sentence, with the two measured figures and their units.
    """

    name: str
    value: float
    meaning: str


@dataclass(frozen=True)
class Effort:
    """Effort of a benchmark: quick or full, and its options.

    Attributes:
        quick: Whether to use small sizes and few repeats.
        options: Options of the command line.
    """

    quick: bool
    options: argparse.Namespace = field(default_factory=argparse.Namespace)

    def pick(self, *, quick: int, full: int) -> int:
        """Return the size or the number of repeats for this effort."""
        return quick if self.quick else full


def best_seconds(work: Callable[[], object], *, repeats: int) -> float:
    """Return the wall time of the fastest of some runs, in seconds; other work slows the rest."""
    return min(_seconds(work) for _ in range(repeats))


def in_own_process(script: str, *arguments: str) -> dict[str, float]:
    """Run a script that prints a JSON object on its last line, and return that.

    Args:
        script: Path of the script.
        arguments: Its arguments.
    """
    command = [sys.executable, script, *arguments]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def measure_process(work: Callable[[], object]) -> dict[str, float]:
    """Do a piece of work and return what it took.

    These are its `seconds`, those of the processors (`cpu`), and the largest memory that this
    process has had, in `mebibytes`.

    Args:
        work: The work.
    """
    began, used = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return {"seconds": seconds, "cpu": cpu, "mebibytes": peak / 1024}


def run(
    name: str,
    measure: Callable[[Effort], Iterable[Ratio]],
    *,
    add_options: Callable[[argparse.ArgumentParser], object] | None = None,
) -> None:
    """Measure, print the figures as text, and print them as one JSON line at the end.

    Args:
        name: Name of the benchmark, as an identifier.
        measure: Yields each ratio as soon as it is known.
        add_options: Adds the benchmark's own options.
    """
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--quick", action="store_true", help="small sizes and few repeats")
    parser.add_argument("--json", action="store_true", help="print only the JSON line")
    if add_options is not None:
        add_options(parser)
    options = parser.parse_args()
    ratios: dict[str, float] = {}
    for ratio in measure(Effort(quick=options.quick, options=options)):
        ratios[ratio.name] = round(ratio.value, 4)
        if not options.json:
            print(f"{ratio.name:<40} {ratio.value:>10.2f}   {ratio.meaning}", flush=True)
    print(json.dumps({"benchmark": name, "quick": options.quick, "ratios": ratios}))


def install_peers(lock: Path, folder: Path) -> None:
    """Install the locked packages alone into a folder; their dependencies are in .venv."""
    stamp = folder / "lock.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    uv = [str(Path(sys.executable).parent / "uv")]
    uv += ["--system-certs"] if CERTIFICATES.exists() else []
    fill = ["pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command = [*uv, *fill, "--python", sys.executable, "--target", str(folder), "-r", str(lock)]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"cannot install {lock.parent.name}\n  hint: it needs a package index")
    stamp.write_text(wanted)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
