"""`slipway backtest`: a model's history under several policies of retraining."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipway.cli.local_installation import find_installation
from slipway.cli.number_range import MOST_DAYS, NumberRange
from slipway.cli.output import json_option, print_json
from slipway.cli.signals import exit_on_hangup, exit_on_sigterm
from slipway.cli.time_argument import Time

if TYPE_CHECKING:
    from slipway.stages.monitor.windows.windows import Unit


@click.command()
@click.argument("model")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="History: a file, or a folder of files of features and labels; default: what has landed, "
    "else the sample that the dataset's `sample.py` makes.",
)
@click.option("--from", "since", type=Time(), help="First moment of event time that is played.")
@click.option("--to", "until", type=Time(), help="Moment after the last.")
@click.option(
    "--by",
    type=click.Choice(["day", "week", "month"]),
    help="Length of a period; default: the window of the model's monitoring. Tables and models "
    "change at the end of a period only.",
)
@click.option(
    "--label-delay",
    type=NumberRange(min=0, max=MOST_DAYS),
    help="Days from an event until its label is known; default: as the label arrived, where the "
    "project's store has recorded it with rows that arrived within 45 days of their event, else "
    "the model's `monitoring.label_horizon_days`. A label is known after the period of its event.",
)
@click.option(
    "--parts",
    type=click.IntRange(min=2, max=1000),
    help="Of rows without an event time: deliveries into which they are cut, as of `replay`.",
)
@click.option("--order", metavar="COLUMN", help="Column by which they are ordered before.")
@click.option(
    "--policies",
    metavar="NAMES",
    help="Policies with commas between them: never, quarterly, monthly, weekly, daily, decay, "
    "drift, drift_and_decay, spec, grid; default: all that the periods can show, but the grid.",
)
@click.option(
    "--grid", is_flag=True, help="Vary k and n of the windows and the cool-down of the spec, too."
)
@click.option(
    "--rows",
    type=click.IntRange(min=100),
    help="Most rows of a period that are predicted; default: all.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1, max=64),
    default=1,
    show_default=True,
    help="Policies that are played at a time.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of report and picture, and of what is kept to go on with; default: one in the "
    "project's `.slipway/backtest/`.",
)
@click.option(
    "--write",
    "is_written",
    is_flag=True,
    help="Write the recommended policy into `model.yaml`: its lines alone, checked before.",
)
@json_option
def backtest(
    model: str,
    *,
    file: Path | None,
    since: datetime | None,
    until: datetime | None,
    by: Unit | None,
    label_delay: float | None,
    parts: int | None,
    order: str | None,
    policies: str | None,
    grid: bool,
    rows: int | None,
    jobs: int,
    out: Path | None,
    is_written: bool,
    as_json: bool,
) -> None:
    """Play MODEL's history under several policies of retraining, without Airflow.

    Each policy has a ring of its own: the stages, gates and rules of the project, on the tables as
    they stood at the end of each period. A label is known once it has arrived, so none reaches an
    earlier decision. The project's store is only read.

    It prints the loss of each policy with the interval of its difference to the best one, its
    trainings, false alarms, days served by a worse model and seconds of fits, and recommends a
    policy: the best, or the one that trains least often of those that chance cannot tell from it. A
    report, its JSON and a picture are written.

    Stopped at any moment, it goes on where each policy was when it is given again.
    """
    exit_on_sigterm()
    exit_on_hangup()
    if file is None:
        find_installation()
    from rich.console import Console

    from slipway.local.backtest.main import Asked, show, write_recommended
    from slipway.local.backtest.main import backtest as play

    began = time.monotonic()
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    asked = Asked(
        model,
        file=file,
        by=by,
        label_delay=label_delay,
        since=since,
        until=until,
        parts=parts,
        order=order,
        policies=_names(policies),
        grid=grid,
        rows=rows,
        jobs=jobs,
        out=out,
    )
    try:
        done = play(asked, console=console)
    except KeyboardInterrupt:
        console.print("what has been played is kept: the same command goes on from there")
        raise
    if as_json:
        print_json(done.to_json())
    else:
        show(done, console=console, began=began)
    if is_written:
        write_recommended(done, console=console)


def _names(policies: str | None) -> list[str]:
    """Names between commas.

    Raises:
        click.BadParameter: There is none.
    """
    if policies is None:
        return []
    names = [one.strip() for one in policies.split(",") if one.strip()]
    if not names:
        raise click.BadParameter("names no policy; leave it out for all", param_hint="--policies")
    return names
