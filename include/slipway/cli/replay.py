"""`slipway replay`: a dataset's past, played through the running ring."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipway.cli.number_range import MOST_DAYS, NumberRange
from slipway.cli.signals import exit_on_hangup, exit_on_sigterm

if TYPE_CHECKING:
    from slipway.stages.monitor.windows.windows import Unit


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--by",
    type=click.Choice(["day", "week", "month"]),
    default="month",
    show_default=True,
    help="Length of a period of event time.",
)
@click.option(
    "--parts",
    type=click.IntRange(min=2, max=1000),
    help="Of rows without an event time (`event_time: arrival`): deliveries of equal size into "
    "which they are cut, one for each period up to the present one; default: one for each file.",
)
@click.option(
    "--order",
    metavar="COLUMN",
    help="Column by whose values they are put in order before they are cut; default: the order "
    "of the files and their lines.",
)
@click.option("--dataset", help="Its dataset; default: the one whose columns it has.")
@click.option(
    "--label-delay",
    type=NumberRange(min=0, max=MOST_DAYS),
    help="Days from an event until its label is known; default: the models' "
    "`monitoring.label_horizon_days`. A label is known after the period of its event.",
)
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    help="Most rows of a period that a model is asked about.",
)
@click.option(
    "--speed",
    type=NumberRange(min=0, min_open=True),
    help="Seconds of event time in a second, at most; default: as fast as the ring.",
)
@click.option("--restart", is_flag=True, help="Begin anew instead of where the last one stopped.")
def replay(
    folder: Path,
    *,
    by: Unit,
    parts: int | None,
    order: str | None,
    dataset: str | None,
    label_delay: float | None,
    rows: int,
    speed: float | None,
    restart: bool,
) -> None:
    """Play the history in FOLDER through `slipway up`, one period after the other.

    FOLDER holds files of features and of labels, in folders `features` and `labels` or side by
    side; it may be one file. The rows of each period are delivered with the labels that are known
    by then; when the ring is idle, the served models are asked about them, over HTTP. At the end a
    table tells for each period the rows, the version, the metric served, and what the ring did.

    Rows without an event time arrive in one period after the other, the last in the present one:
    each file by its name, or the parts that `--parts` cuts.

    Stopped by Ctrl-C, it goes on with the period that was stopped when it is given again.
    """
    exit_on_sigterm()
    exit_on_hangup()
    from slipway.local.replay.main import replay as play

    raise SystemExit(
        play(
            folder,
            dataset=dataset,
            by=by,
            parts=parts,
            order=order,
            label_delay=label_delay,
            rows=rows,
            speed=speed,
            restart=restart,
        )
    )
