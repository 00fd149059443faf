"""`slipway up`: a local Airflow, MLflow and serving platform with the project's own specs."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from slipway.errors import BadParameter, Transient
from slipway.local.addresses import LOOPBACK
from slipway.local.airflow import USER, password
from slipway.local.ownership import owned, owner
from slipway.local.processes import Processes
from slipway.local.progress import shown_steps
from slipway.local.running import (
    Running,
    find_running,
    remove_running,
    up_folder,
    write_running,
)
from slipway.local.stack import Stack
from slipway.local.supervision import Supervision
from slipway.local.verdict_printer import VerdictPrinter
from slipway.settings import Settings
from slipway.spec.loading import load_all
from slipway.wiring import Container

LOOK_SECONDS = 1.0
NEEDED = ("airflow", "mlflow")


def up() -> int:
    """Run the installation until Ctrl-C, SIGTERM, SIGHUP or `slipway down`; return exit status.

    Its state is kept for the next time.

    Raises:
        BadParameter: The project has no DAGs, or a package is missing.
        PlatformUnavailable: A part did not start.
    """
    # Local services are called directly, without the machine's proxy.
    os.environ["NO_PROXY"] = f"{LOOPBACK},localhost"
    console = Console(highlight=False, soft_wrap=True)
    project = Settings().project
    _require(project)
    with owned(up_folder(project)) as is_mine:
        if not is_mine:
            _print_other(project, console)
            return 0
        try:
            _run(project, console)
        except KeyboardInterrupt:
            return 130
    return 0


def _require(project: Path) -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise BadParameter(
            "this command needs packages that are not installed",
            expected=" and ".join(missing),
            hint="install the extras airflow, stages, server and shipper of the package",
        )
    if not (project / "dags").is_dir():
        raise BadParameter(
            "there is no project to run",
            expected="a folder dags beside include",
            where=str(project),
            hint="run the command inside a project, or set SLIPWAY_PROJECT to its folder",
        )


def _print_other(project: Path, console: Console) -> None:
    running = find_running(project)
    pid = owner(up_folder(project))
    console.print(f"`slipway up` runs already for {project} (process {pid})")
    if running is None:
        console.print("it is starting or ending")
    else:
        _print_addresses(project, running, console)
    console.print("`slipway down` ends it")


def _run(project: Path, console: Console) -> None:
    folder = up_folder(project)
    left = Processes(folder).stop()
    if left:
        console.print(f"ended what was left of an earlier run: {', '.join(left)}")
    for problem in load_all(project).problems:
        console.print(str(problem), style="yellow", markup=False)
    stack = Stack(project, folder)
    printer = VerdictPrinter(Container(stack.settings).store, _subjects(project), console)
    printer.skip_past()
    with _ended_at_last(stack, console):
        with shown_steps(console, f"starting; logs: {folder / 'logs'}") as progress:
            stack.up(progress=progress).close()
        running = Running(stack.settings.store, *_addresses(stack))
        write_running(project, running)
        _print_addresses(project, running, console)
        with Supervision(stack.processes, say=_yellow(console)).running():
            _follow(stack, printer)


def _addresses(stack: Stack) -> tuple[str, str, str]:
    return stack.addresses.mlflow, stack.addresses.platform, stack.addresses.airflow


@contextmanager
def _ended_at_last(stack: Stack, console: Console) -> Iterator[None]:
    """Stop everything at the end of the block, however it ends."""
    try:
        yield
    finally:
        remove_running(stack.project)
        # The terminal may be gone; nobody has to read this.
        with suppress(OSError):
            console.print("ending …")
        ended = stack.processes.stop()
        with suppress(OSError):
            console.print(
                f"ended {', '.join(ended)}; everything is kept in {stack.folder}"
                if ended
                else f"everything is kept in {stack.folder}"
            )


def _yellow(console: Console) -> Callable[[str], None]:
    def say(line: str) -> None:
        console.print(line, style="yellow", markup=False)

    return say


def _follow(stack: Stack, printer: VerdictPrinter) -> None:
    """Print the ring's verdicts until another command has stopped everything."""
    while stack.processes.known():
        with suppress(Transient):
            printer.add_subjects(_subjects(stack.project))
            printer.catch_up()
        time.sleep(LOOK_SECONDS)


def _subjects(project: Path) -> list[str]:
    """Names of all datasets and models, of folders with invalid specs as well."""
    homes = [project / "include" / kind for kind in ("datasets", "models")]
    folders = [one for home in homes if home.is_dir() for one in sorted(home.iterdir())]
    return [one.name for one in folders if one.is_dir() and one.name[0] not in "._"]


def _print_addresses(project: Path, running: Running, console: Console) -> None:
    console.print(
        f"Airflow  {running.airflow}   login {USER} / {password(up_folder(project) / 'airflow')}"
    )
    console.print(f"MLflow   {running.mlflow}")
    for name in sorted(load_all(project).models):
        console.print(f"model    {running.platform}/v2/models/{name}")
    console.print(f"store    {running.store}")
    console.print("commands of this project find it by themselves; elsewhere:")
    words = " ".join(f"{name}={value}" for name, value in running.variables().items())
    console.print(f"  export {words}")
