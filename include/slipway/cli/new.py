"""`slipway new`: a dataset and a model from a file, with the reason for every guess."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from slipway.cli.signals import exit_on_sigterm
from slipway.errors import BadParameter
from slipway.records.landed_names import split_name
from slipway.settings import Settings
from slipway.values.figures import in_few_digits

if TYPE_CHECKING:
    from slipway.cli.ask_identity import Told
    from slipway.spec import DatasetSpec
    from slipway.stages.profile.new_specs import NewSpecs
    from slipway.stages.profile.target import TargetGuess
    from slipway.wiring.new_specs import ProfiledFile


_SPELLED = "as specs spell names, in a to z, 0 to 9 and `_`"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--target", help="Column to predict; default: guessed.")
@click.option(
    "--key", multiple=True, help="Column that identifies a row, or several; `row`: none does."
)
@click.option(
    "--event-time",
    multiple=True,
    help="Column with the time of a row, or several with its parts; `arrival`: none has it.",
)
@click.option("--name", help="Name of the dataset; default: that of the file.")
@click.option("--yes", is_flag=True, help="Take the guesses without asking.")
def new(
    file: Path,
    *,
    target: str | None,
    key: tuple[str, ...],
    event_time: tuple[str, ...],
    name: str | None,
    yes: bool,
) -> None:
    """Write a dataset and a model from FILE: CSV, TSV, JSON Lines or Parquet.

    The whole file is read once. What was guessed and why is printed, and stands in the comments of
    `dataset.yaml`, `expectations.yaml` and `model.yaml`. Identifiers, personal data and columns
    that leak the target are named and left out. On a terminal you are asked; elsewhere `--yes`
    takes the guesses. What would not pass `slipway check` is not written, and nothing is
    overwritten: where the dataset is there, `--target` names another of its labels, and a further
    model is written on it.
    """
    from rich.console import Console

    from slipway.cli.ask_identity import ask_identity
    from slipway.local.progress import shown_progress
    from slipway.stages.profile.choose_target import find_column, plan_target
    from slipway.stages.profile.told_identity import require_named
    from slipway.wiring.further_model import find_dataset_of_project, no_features_of
    from slipway.wiring.new_specs import plan_file, profile_file, quick_fit, stem_of
    from slipway.wiring.opened_file import open_file
    from slipway.wiring.written_specs import require_features, write_specs

    exit_on_sigterm()
    project = _project()
    asks = not yes and _is_terminal()
    opened = open_file(file)
    # What the header tells is told before a long file is read.
    target = None if target is None else find_column(target, opened.names)
    require_named(opened.names, key=key, event_time=event_time)
    dataset = find_dataset_of_project(opened, project, name=name, target=target)
    shown = Console(stderr=True)
    with shown_progress(shown, f"reading {file.name}") as progress:
        profiled = profile_file(opened, progress=progress)
        progress("looking for the target")
        guessed = plan_target(profiled.measured, asked=target, fit=quick_fit(progress))
    if asks and target is None:
        guessed = _ask_target(profiled, guessed)
    told = _told(profiled, dataset, key=key, event_time=event_time)
    but = None if dataset is None else no_features_of(dataset, profiled.measured)

    def plan_with(told: Told) -> NewSpecs:
        with shown_progress(shown, "planning the specs") as progress:
            return plan_file(
                profiled,
                guessed,
                name=name,
                key=told.key,
                time=told.time,
                but=but,
                progress=progress,
            )

    plan = plan_with(told)
    if asks and (answers := ask_identity(profiled.measured, plan, told)) != told:
        plan = plan_with(answers)
    _print(plan, asked=name or stem_of(file))
    require_features(plan)
    if not (yes or asks):
        raise BadParameter(
            "nothing was written, since nobody can be asked here",
            expected="--yes, which takes the guesses above, or a terminal",
            found="neither",
        )
    if asks and not click.confirm("Write these specs?", default=True):
        click.echo("nothing was written")
        return
    _print_written(write_specs(plan, project), project)
    delivery = file
    if split_name(file.name) is None:
        delivery = Path(f"{plan.dataset}{profiled.suffix}")
        click.echo(f"deliveries are named by their format: cp {quote(str(file))} {delivery}")
    click.echo(f"next: slipway try {plan.model} {quote(str(delivery))}")


def _print_written(paths: Iterable[Path], project: Path) -> None:
    if not Path.cwd().is_relative_to(project):
        click.echo(f"the project is {project}")
    for path in paths:
        click.echo(f"wrote {path.relative_to(project)}")


def _told(
    profiled: ProfiledFile,
    dataset: DatasetSpec | None,
    *,
    key: tuple[str, ...],
    event_time: tuple[str, ...],
) -> Told:
    """Key and event time that a person named, or that the dataset has which is there."""
    from slipway.cli.ask_identity import Told
    from slipway.stages.profile.told_identity import told_event_time, told_key
    from slipway.wiring.further_model import told_by_dataset

    if dataset is None:
        return Told(
            told_key(profiled.measured, key) if key else None,
            told_event_time(profiled.measured, event_time) if event_time else None,
        )
    if key or event_time:
        raise BadParameter(
            f"dataset {dataset.dataset} is there, and has its key and event time",
            expected="--target alone, for a further model on it",
            found="--key" if key else "--event-time",
            hint="--name makes another dataset of the file",
        )
    return Told(*told_by_dataset(dataset, profiled.measured))


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _project() -> Path:
    project = Settings().project
    if not (project / "include").is_dir():
        raise BadParameter(
            "there is no project here",
            expected="a folder with include/datasets and include/models, here or above",
            found=str(project),
            hint="slipway init DIR makes one; SLIPWAY_PROJECT names one",
        )
    return project


def _ask_target(profiled: ProfiledFile, guessed: TargetGuess) -> TargetGuess:
    from slipway.stages.profile.choose_target import plan_target

    click.echo(f"columns: {', '.join(profiled.measured.columns)}")
    while True:
        answer = click.prompt("Which column is to be predicted?", default=guessed.column)
        if answer == guessed.column:
            return guessed
        try:
            return plan_target(profiled.measured, asked=answer)
        except BadParameter as error:
            click.echo(str(error))


def _print(plan: NewSpecs, *, asked: str) -> None:
    """Print what was guessed, and why.

    Args:
        plan: Plan.
        asked: Name of the dataset as a person has it, or the file.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from slipway.stages.profile.plain_numbers import describe_plain, plain_numbers

    table = Table(title=f"{plan.file}: {plan.measured.rows:,} rows", title_justify="left")
    for heading in ("Column", "Type", "Missing", "Role", "Why"):
        table.add_column(heading, overflow="fold")
    plain = plain_numbers(plan)
    for name, one in plan.columns.items():
        if name in plain:
            continue
        share = one.column.missing_share
        cells = (name, _type(plan, name), f"{share:.1%}" if share else "", one.role, one.why)
        table.add_row(*map(Text, cells))
    for name, why in plan.measured.left_out.items():
        table.add_row(*map(Text, (name or "(without a name)", "", "", "not read", why)))
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    if plain:
        console.print(Text(f"{'numbers':<12}{describe_plain(plain)}"))
    for what, said in _guesses(plan, asked=asked):
        console.print(Text(f"{what:<12}{said}"))
    for doubt in plan.doubts:
        console.print(Text(f"look at it  {doubt}", style="yellow"))


def _type(plan: NewSpecs, name: str) -> str:
    return plan.target.type if name == plan.target.column else plan.columns[name].column.type


def _guesses(plan: NewSpecs, *, asked: str) -> list[tuple[str, str]]:
    from slipway.stages.profile.bars import describe_signal

    target, sizes = plan.target, plan.sizes
    positive = "" if target.positive is None else f", class 1 is {target.positive!r}"
    key = ", ".join(plan.key.columns) or "row"
    time = ", ".join(plan.time.columns) or "arrival"
    bars = "; ".join(
        f"{bar.metric} {in_few_digits(bar.threshold)} ({describe_signal(bar)})" for bar in plan.bars
    )
    name = [("name", f"{plan.dataset}: {_SPELLED}, of {asked!r}")] if plan.dataset != asked else []
    return [
        *name,
        ("target", f"{target.column}: {target.why}{_runner_up(target)}"),
        ("task", f"{target.task}: {target.why_task}{positive}"),
        ("key", f"{key}: {plan.key.why}"),
        ("event time", f"{time}: {plan.time.why}"),
        ("split", f"{sizes.split}: {sizes.why_split}"),
        ("gates", bars),
        ("monitoring", f"{_one(sizes.window)} is a window, of {sizes.window_rows} rows or more"),
    ]


def _one(window: str) -> str:
    return f"an {window}" if window == "hour" else f"a {window}"


def _runner_up(target: TargetGuess) -> str:
    if target.runner_up is None:
        return ""
    return f"; next likeliest is {target.runner_up!r}, which --target would take"
