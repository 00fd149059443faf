"""Try a model: play its ring on a scratch store, print and write the report."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from slipway.errors import BadParameter
from slipway.local.progress import shown_progress
from slipway.local.trial.held_out import measure_held_out
from slipway.local.trial.inputs import land_inputs
from slipway.local.trial.play import Step, Trial, play
from slipway.local.trial.report import conclusion, sections_of
from slipway.records.scratch_folder import scratch_folder
from slipway.stages.report.blocks import as_markdown, as_text
from slipway.wiring import Container
from slipway.wiring.scratch_container import ScratchContainer


def try_model(name: str, files: Sequence[Path], *, keep: Path | None, report: Path | None) -> int:
    """Try a model; return 0 when a challenger would be promoted, and 1 when it is refused.

    Args:
        name: Name of the model.
        files: Its deliveries; empty: see `land_inputs`.
        keep: Folder for store, runs and versions; None: a temporary one.
        report: File of the report; None: `report.md` in `keep`, else in the project.

    Raises:
        SlipwayError: It could not be tried to its end; the report is written all the same.
    """
    console = Console(highlight=False, soft_wrap=True)
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    own = Container()
    began = time.monotonic()
    with _folder(keep) as folder:
        scratch = ScratchContainer(own.settings.project, folder)
        model = scratch.model(name)
        trial = Trial(model, scratch.dataset(model.dataset), scratch)
        with _shown(console) as (begin, end, tell):
            scratch.tell = tell
            source = land_inputs(files, trial.dataset, scratch=scratch, own=own)
            play(trial, began=begin, ended=end)
        with shown_progress(console, "measuring the holdout") as progress:
            held_out = measure_held_out(trial, progress=progress)
        sections = sections_of(trial, held_out, source=source, is_kept=keep is not None)
    console.print(Text(as_text(sections[1:])))
    target = report or (keep or own.settings.project / ".slipway" / "try" / name) / "report.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(as_markdown(f"slipway try {name}", sections), encoding="utf-8")
    console.print()
    console.print(Text(conclusion(trial), style="green" if trial.is_promoted else "yellow"))
    console.print(f"{time.monotonic() - began:.0f} s; report: {target}")
    if keep is not None:
        console.print(f"kept: {keep}")
    if trial.failure is not None:
        raise trial.failure
    return 0 if trial.is_promoted else 1


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with scratch_folder("slipway-try-", needs="the rows, and the trained version") as folder:
            yield folder
        return
    if keep.exists() and any(keep.iterdir()):
        raise BadParameter(
            "the folder is not empty",
            expected="a new or an empty folder, for one trial alone",
            where=str(keep),
        )
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.absolute()


@contextmanager
def _shown(
    console: Console,
) -> Iterator[tuple[Callable[[str], None], Callable[[Step], None], Callable[[str], None]]]:
    """Give what shows the beginning and the end of each stage, and how far a search is."""
    # Stages of Airflow log there; here the verdicts tell the same.
    logging.getLogger("great_expectations").setLevel(logging.ERROR)

    def end(step: Step) -> None:
        line = Text(f"{step.seconds:6.1f} s  ")
        line.append(f"{step.stage:<19}", style="dim")
        line.append(f"{step.verdict.action:<12}  ", style="cyan")
        line.append(step.verdict.reason)
        console.print(line)

    if not console.is_terminal:
        with shown_progress(console, "search") as tell:
            yield (lambda _: None), end, tell
        return
    with console.status("") as status:
        yield status.update, end, lambda text: status.update(Text(text))
