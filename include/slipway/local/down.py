"""`slipway down`: end what `slipway up` and `slipway demo` run or have left running."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from slipway.local.demo.main import state_folder
from slipway.local.ownership import end_owner
from slipway.local.processes import Processes
from slipway.local.running import remove_running, up_folder
from slipway.settings import Settings


def down() -> None:
    """End every process of a project's local installations, and print which."""
    console = Console(highlight=False, soft_wrap=True)
    project = Settings().project
    folders = {"slipway up": up_folder(project), "slipway demo": state_folder(project)}
    ended = [_end(command, folder, console) for command, folder in folders.items()]
    remove_running(project)
    if not any(ended):
        console.print("nothing was running")


def _end(command: str, folder: Path, console: Console) -> bool:
    """End what runs in a state folder; return whether something did."""
    if not folder.is_dir():
        return False
    known = [one.name for one in Processes(folder).known()]
    is_owned = end_owner(folder)
    # What its owner has not ended, or what a killed one has left.
    Processes(folder).stop()
    if known or is_owned:
        console.print(f"ended `{command}`: {', '.join(known) or 'it was starting'}")
    return bool(known) or is_owned
