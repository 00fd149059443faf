"""Requests per second of the model server, compared with public servers of the same model.

One run, one machine, one model, one process each, all up at once; rounds are shuffled, and medians
are reported. The load comes from wrk on the same machine.

Peers: `mlflow models serve` and KServe's Python server, with the same pipeline. The floor is the
same HTTP server that parses each request and replies, without a model, checks or a log.
The prediction log is on except in the rows without; its shipper, another process, does not run.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np
from harness import Effort, Ratio, run
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from serving_peers.load import Load, drive, find_wrk, middle
from serving_peers.model import Subject, make
from serving_peers.peers import Contender, environment, line_up

from slipway.local.addresses import wait_until_answers
from slipway.local.processes import Processes

COMPARED = (
    ("onnx", "mlflow"),
    ("onnx", "kserve"),
    ("onnx", "floor"),
    ("onnx", "onnx-unlogged"),
    ("sklearn", "mlflow"),
    ("sklearn", "kserve"),
)
ROWS = 200
CHECKED = 40
START_SECONDS = 120
TOLERANCE = 1e-5
LARGE = 100
WIDTH = 96

Cell = tuple[str, int]


def add_options(parser: ArgumentParser) -> None:
    """Add options that narrow the benchmark down, to tune one server."""
    parser.add_argument("--only", default="", help="servers to compare, with commas")
    parser.add_argument("--connections", default="1,8,32", help="connections, with commas")
    parser.add_argument("--seconds", type=int, help="length of one measurement; default: 5, or 1")
    parser.add_argument("--rounds", type=int, help="measurements per cell; default: 5, or 2")


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure every server at every number of connections, in shuffled rounds."""
    find_wrk()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options = effort.options
    seconds = options.seconds or effort.pick(quick=1, full=5)
    rounds = options.rounds or effort.pick(quick=2, full=5)
    connections = [int(count) for count in options.connections.split(",")]
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipway-bench-")))
        log("training the model")
        subject = make(scratch, rows=ROWS)
        contenders = line_up(subject, only=[name for name in options.only.split(",") if name])
        processes = Processes(scratch / "processes")
        stack.callback(processes.stop)
        start(contenders, processes, scratch)
        check_answers(contenders, subject)
        bodies = write_bodies(subject, scratch)
        pids = {contender.name: processes.find(contender.name).pid for contender in contenders}
        results = measure_all(
            contenders, bodies, pids, connections=connections, seconds=seconds, rounds=rounds
        )
        processes.check()
    show(contenders, results, note=f"{rounds} rounds of {seconds} s", aside=options.json)
    yield from compare(results, connections)


def start(contenders: list[Contender], processes: Processes, scratch: Path) -> None:
    """Start every server, and wait until all are ready."""
    for contender in contenders:
        env = environment(scratch / contender.name)
        processes.start(contender.name, contender.command, env=env)
    for contender in contenders:
        log(f"waiting for {contender.title}")
        wait_until_answers(
            contender.url(contender.ready), seconds=START_SECONDS, check=processes.check
        )


def check_answers(contenders: list[Contender], subject: Subject) -> None:
    """Check that every server returns the offline scores of the model.

    Raises:
        SystemExit: A score differs, or a request failed.
    """
    expected = subject.expected()
    bodies = {"v2": list(subject.v2_bodies()), "split": list(subject.split_bodies())}
    with httpx.Client(timeout=60, trust_env=False) as client:
        for contender in contenders:
            log(f"checking {contender.title}")
            for row in range(0, len(expected), len(expected) // CHECKED):
                reply = client.post(
                    contender.url(contender.infer),
                    content=bodies[contender.bodies][row],
                    headers={"content-type": "application/json"},
                )
                if not reply.is_success:
                    raise SystemExit(f"{contender.title} answers {reply.status_code} to row {row}")
                if contender.score is None:
                    continue
                distance = abs(contender.score(reply.json()) - expected[row])
                if distance > TOLERANCE:
                    raise SystemExit(f"{contender.title} is off by {distance:g} in row {row}")


def write_bodies(subject: Subject, scratch: Path) -> Mapping[str, Path]:
    """Write files of requests, one per line; return them by format."""
    files = {"v2": scratch / "v2.jsonl", "split": scratch / "split.jsonl"}
    files["v2"].write_text("".join(f"{body}\n" for body in subject.v2_bodies()))
    files["split"].write_text("".join(f"{body}\n" for body in subject.split_bodies()))
    return files


def measure_all(
    contenders: list[Contender],
    bodies: Mapping[str, Path],
    pids: Mapping[str, int],
    *,
    connections: list[int],
    seconds: int,
    rounds: int,
) -> dict[Cell, Load]:
    """Return the median of the rounds by server and number of connections."""
    cells = [(contender, count) for contender in contenders for count in connections]
    measured: dict[Cell, list[Load]] = {(one.name, count): [] for one, count in cells}

    def measure_one(contender: Contender, *, count: int, seconds: int) -> Load:
        url, file = contender.url(contender.infer), bodies[contender.bodies]
        return drive(url, file, pid=pids[contender.name], connections=count, seconds=seconds)

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("warming up", total=None)
        for contender in contenders:
            measure_one(contender, count=8, seconds=1)
        for number in range(rounds):
            progress.console.print(f"round {number + 1} of {rounds}")
            for index in np.random.default_rng(number).permutation(len(cells)):
                contender, count = cells[index]
                progress.update(task, description=f"{contender.title}, {count} at once")
                load = measure_one(contender, count=count, seconds=seconds)
                measured[contender.name, count].append(load)
    return {cell: middle(loads) for cell, loads in measured.items()}


def show(
    contenders: list[Contender], results: Mapping[Cell, Load], *, note: str, aside: bool
) -> None:
    """Print the table; on standard error where standard output is for JSON alone."""
    table = Table(title=f"One row a request, medians of {note}")
    table.add_column("server", no_wrap=True)
    for heading in ("at once", "answers/s", "p50 ms", "p99 ms", "CPU µs", "failed"):
        table.add_column(heading, justify="right", no_wrap=True)
    for contender in contenders:
        table.add_section()
        title = contender.title
        for (name, count), load in results.items():
            if name == contender.name:
                figures = (load.per_second, load.p50_ms, load.p99_ms, load.cpu_us, load.failed)
                table.add_row(title, str(count), *map(_figure, figures))
                title = ""
    Console(stderr=aside, width=WIDTH).print(table)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if isinstance(value, int) or value >= LARGE else f"{value:,.2f}"


def compare(results: Mapping[Cell, Load], connections: list[int]) -> Iterator[Ratio]:
    """Yield the throughput of one server over that of another, at each number of connections."""
    for above, below in COMPARED:
        for count in connections:
            if (above, count) in results and (below, count) in results:
                one, other = results[above, count].per_second, results[below, count].per_second
                yield Ratio(
                    f"{above}_over_{below}_c{count}".replace("-", "_"),
                    one / other,
                    f"{one:,.0f} and {other:,.0f} answers/s, {count} at once",
                )


def log(text: str) -> None:
    """Print a step on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run("serving", measure, add_options=add_options)
