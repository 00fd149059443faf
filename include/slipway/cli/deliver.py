"""`slipway deliver`: put a file into the landing area."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipway.cli.output import json_option, print_json

if TYPE_CHECKING:
    from slipway.spec.dataset import StreamName
    from slipway.wiring.deliver import Delivered


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dataset", help="Its dataset; default: the one whose columns it has.")
@click.option(
    "--stream",
    type=click.Choice(["features", "labels"]),
    help="Its stream; default: the one whose columns it has.",
)
@click.option("--batch", help="Name of the batch; default: the file's name without its suffix.")
@click.option("--again", is_flag=True, help="Copy it in any case.")
@json_option
def deliver(
    file: Path,
    *,
    dataset: str | None,
    stream: StreamName | None,
    batch: str | None,
    again: bool,
    as_json: bool,
) -> None:
    """Copy FILE, or a folder as Spark writes it, into the landing area of its dataset.

    It appears there as a whole, on a folder and on S3. A file of a batch that was delivered before
    replaces its rows. A file whose content was delivered before is copied only if ingest takes it
    again: it was blocked, or rows of it were refused and the spec reads or judges them otherwise.
    """
    from slipway.wiring.deliver import deliver as deliver_file

    delivered = deliver_file(file, dataset=dataset, stream=stream, batch=batch, again=again)
    if as_json:
        print_json(delivered.to_json())
    else:
        _print(delivered)


def _replaced(delivered: Delivered) -> str:
    """What becomes of the file that had the batch's name before."""
    if delivered.is_unread:
        return f"{delivered.batch} was delivered before and not read yet; that file is overwritten"
    return f"{delivered.batch} was delivered before; its rows are replaced"


def _print(delivered: Delivered) -> None:
    what = f"{delivered.stream} {delivered.batch} of {delivered.dataset}"
    if delivered.same_as is not None:
        became = delivered.became or "not taken yet"
        click.echo(f"the same content was delivered before: {delivered.same_as} ({became})")
    if not delivered.is_copied:
        click.echo(f"{what}: nothing was copied, since ingest would not take it again")
        click.echo(f"what became of it: slipway why {delivered.dataset}")
        return
    click.echo(f"delivered: {what}, {delivered.size:,} bytes")
    click.echo(f"  where    {delivered.where}")
    if delivered.replaces:
        click.echo(f"  batch    {_replaced(delivered)}")
        click.echo("           to keep both, deliver the earlier file again with --batch NAME")
    click.echo(
        f"  follows  where Airflow runs, {delivered.dataset}__ingest takes it within some "
        f"{delivered.within_seconds:.0f} s; without Airflow:"
    )
    words = ["slipway", "run", "ingest"]
    for name in ("dataset", "stream", "batch"):
        words += [f"--{name}", getattr(delivered, name)]
    click.echo(f"           {shlex.join([*words, '--file', delivered.key])}")
    click.echo(f"  then     slipway why {delivered.dataset}")
