"""`slipway try`: what the ring would say of a model, in one process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from slipway.cli.local_installation import find_installation
from slipway.cli.signals import exit_on_sigterm


@click.command("try")
@click.argument("model")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="New folder for store, runs and versions of the trial; default: a temporary one.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the report, Markdown; default: one in the folder to keep, else in the project's "
    "`.slipway/try/`.",
)
def trial(model: str, files: Sequence[Path], *, keep: Path | None, report: Path | None) -> None:
    """Play MODEL's ring up to its gates, without Airflow and without MLflow.

    FILE is ingested, a model trained, evaluated and judged by its gates, by the stages of the ring
    on a scratch store; the project's store is only read. Without FILE it takes what lies in the
    landing area of the dataset, or in `sample/` of the dataset's folder.

    It prints the verdicts, metrics beside those of a constant and the thresholds, reliability or
    residuals, what each column is worth, and the reasons of bad rows. Exit status 0 when a
    challenger would be promoted, 1 when it is refused.
    """
    exit_on_sigterm()
    if not files:
        find_installation()
    from slipway.local.trial.main import try_model

    raise SystemExit(try_model(model, files, keep=keep, report=report))
