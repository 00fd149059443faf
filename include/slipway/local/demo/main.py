"""`make demo`: a year of real flights through a local installation, then a drill.

The demo acts only as the outside world: it delivers files, sends requests over HTTP and starts a
DAG. It prints the verdicts that it reads from the ledgers.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from slipway.errors import SlipwayError
from slipway.local.addresses import LOOPBACK
from slipway.local.airflow import USER, AirflowApi, password
from slipway.local.demo.drill import Check, drill
from slipway.local.demo.metrics import figures
from slipway.local.demo.scoreboard import as_table, draw
from slipway.local.demo.simulator import Simulator
from slipway.local.ownership import end_owner, owned
from slipway.local.progress import shown_steps
from slipway.local.sample_deliveries import make_sample
from slipway.local.stack import Stack
from slipway.local.supervision import Supervision
from slipway.settings import Settings

DATASET, MODEL = "flights", "flight_delay"


def state_folder(project: Path) -> Path:
    """Return the folder of the demo's store, databases, logs and pids."""
    return project / ".slipway" / "demo"


def main(*, once: bool) -> int:
    """Run the demo; return 0 when every check of the drill held.

    Args:
        once: End after the drill; otherwise everything stays up until Ctrl-C.
    """
    # Local services are called directly, without the machine's proxy.
    os.environ["NO_PROXY"] = f"{LOOPBACK},localhost"
    console = Console(highlight=False, soft_wrap=True)
    project = Settings().project
    stack = Stack(project, state_folder(project))
    began = time.monotonic()
    try:
        with _running(stack, console) as api, _supervised(stack, console):
            checks = _run(stack, api, console, began=began)
            _print_links(stack, console)
            if not once:
                _stay_up(stack, console)
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    except SlipwayError as error:
        console.print(f"[red]the demo failed:[/] {error}")
        console.print(f"logs: {stack.folder / 'logs'}")
        return 1
    return 0 if all(check.held for check in checks) else 1


@contextmanager
def _running(stack: Stack, console: Console) -> Iterator[AirflowApi]:
    """Start a stack with an empty store; stop and remove an earlier demo."""
    end_owner(stack.folder)
    stack.processes.stop()
    if (stack.folder / "store").exists():
        console.print(f"removing the store of the demo before: {stack.folder}")
    shutil.rmtree(stack.folder, ignore_errors=True)
    with owned(stack.folder):
        try:
            with shown_steps(console, f"starting; logs: {stack.folder / 'logs'}") as progress:
                api = stack.up(progress=progress)
            _print_addresses(stack, console)
            yield api
        finally:
            stack.down()


def _supervised(stack: Stack, console: Console) -> AbstractContextManager[None]:
    """Start each part again that ends, and print so."""

    def say(line: str) -> None:
        console.print(line, style="yellow", markup=False)

    return Supervision(stack.processes, say=say).running()


def _run(stack: Stack, api: AirflowApi, console: Console, *, began: float) -> list[Check]:
    simulator = Simulator(stack, api, DATASET, MODEL, console)
    if not console.is_terminal:
        console.print("making the flights' deliveries")
    with Progress(console=console, transient=True) as progress:
        folder = stack.settings.datasets_folder / DATASET
        make_sample(folder, simulator.sample, progress=progress)
    simulator.simulate_year()
    console.rule("the year")
    if not console.is_terminal:
        console.print("training a model for each month to compare with; it takes minutes")
    months = figures(simulator)
    console.print(as_table(months))
    picture = stack.folder / "year.png"
    draw(months, picture)
    console.print(f"the same as a picture: {picture}")
    console.rule("a drill with planted faults")
    checks = drill(simulator)
    for check in checks:
        mark = "[green]held[/]" if check.held else "[red]BROKE[/]"
        console.print(f"  {mark}  {check.name}: {check.found}")
    console.print(f"{time.monotonic() - began:.0f} s from start to here")
    return checks


def _print_addresses(stack: Stack, console: Console) -> None:
    at = stack.addresses
    console.print(f"Airflow  {at.airflow}   login {USER} / {password(stack.home)}")
    console.print(f"MLflow   {at.mlflow}")
    console.print(f"models   {at.platform}/v2/models/{MODEL}")


def _print_links(stack: Stack, console: Console) -> None:
    at = stack.addresses
    console.rule("where to look")
    console.print(f"assets and how they join the DAGs   {at.airflow}/assets")
    console.print(f"the runs that retrained the model   {at.airflow}/dags/{MODEL}__train")
    console.print(f"versions, aliases and their tags    {at.mlflow}/#/models/{MODEL}")
    console.print(f"drift reports                       {stack.folder / 'store' / 'reports'}")
    console.print(
        f"the story in five lines             SLIPWAY_STORE={stack.settings.store} "
        f"SLIPWAY_MLFLOW={at.mlflow} SLIPWAY_PLATFORM={at.platform} slipway why {MODEL}"
    )


def _stay_up(stack: Stack, console: Console) -> None:
    console.print(f"everything stays up on {LOOPBACK} until Ctrl-C (or `make down`)")
    while stack.processes.known():
        time.sleep(1.0)
    console.print("stopped by `make down`")
