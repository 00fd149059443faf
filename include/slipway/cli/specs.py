"""Commands for authors of specs: check specs, make sample deliveries, write the reference."""

from __future__ import annotations

from pathlib import Path

import click

from slipway.cli.output import json_option, print_json
from slipway.settings import Settings


@click.command()
@json_option
def check(*, as_json: bool) -> None:
    """Check every spec and print each problem with file, line and hint.

    Exit status 1 when there is a problem. Where Great Expectations is installed, the arguments
    of each expectation are checked too, and where DuckDB is, the queries of KPIs. Where every spec
    is fine, the requests that the steps of a rollout take are told, and which keys sign model
    versions and are required.
    """
    from slipway.spec.loading import load_all
    from slipway.spec.warnings import project_warnings
    from slipway.stages.report.check import inspect_project
    from slipway.stages.report.rollout_steps import describe_steps
    from slipway.stages.report.signatures import describe_keys
    from slipway.wiring import Container
    from slipway.wiring.check import expectation_check, kpi_check

    project = Settings().project
    loaded = load_all(project)
    has_expectations = any(spec.expectations for spec in loaded.datasets.values())
    has_kpis = any(spec.monitoring.kpis for spec in loaded.models.values())
    loaded = inspect_project(
        project,
        loaded,
        expectations=expectation_check() if has_expectations else None,
        kpis=kpi_check() if has_kpis else None,
    )
    datasets, models = sorted(loaded.datasets), sorted(loaded.models)
    warnings = project_warnings(loaded.datasets, loaded.models)
    if as_json:
        problems = [problem.to_json() for problem in loaded.problems]
        found = {"datasets": datasets, "models": models, "problems": problems}
        print_json(
            {
                **found,
                "warnings": warnings,
                "rollouts": describe_steps(loaded.models),
                "signatures": describe_keys(Container().signing),
            }
        )
    else:
        for problem in loaded.problems:
            click.echo(str(problem))
        for warning in warnings:
            click.secho(f"warning: {warning}", fg="yellow")
        counted = f"{_counted(len(datasets), 'dataset')}, {_counted(len(models), 'model')}"
        wrong = _counted(len(loaded.problems), "problem")
        for steps in () if loaded.problems else describe_steps(loaded.models):
            click.echo(f"rollout of {steps}")
        if models and not loaded.problems:
            click.echo(describe_keys(Container().signing))
        click.echo(f"{wrong}; fine: {counted}" if loaded.problems else f"{counted}: fine")
        if not (datasets or models or loaded.problems):
            click.echo("there is no model yet: `slipway new FILE` writes one from your data")
    if loaded.problems:
        raise SystemExit(1)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@click.command()
@click.argument("dataset")
@click.option(
    "--to",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write into; default: `samples/<dataset>` in the scratch folder.",
)
@json_option
def sample(dataset: str, *, target: Path | None, as_json: bool) -> None:
    """Make sample deliveries of a dataset, with its `sample.py`.

    The files are not delivered: `slipway deliver FILE` does that.
    """
    from rich.console import Console
    from rich.progress import Progress

    from slipway.local.sample_deliveries import make_sample

    settings = Settings()
    folder = target or settings.scratch / "samples" / dataset
    with Progress(console=Console(stderr=True), transient=True) as progress:
        files = make_sample(settings.datasets_folder / dataset, folder, progress=progress)
    if as_json:
        print_json({"folder": str(folder), "files": [str(file) for file in files]})
        return
    click.echo(f"{_counted(len(files), 'file')} in {folder}")
    click.echo(f"deliver each with: slipway deliver --dataset {dataset} FILE")


@click.command()
@click.option(
    "--write",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write into; default: `docs/reference` of the project.",
)
def reference(*, target: Path | None) -> None:
    """Write the reference pages of specs, settings and commands."""
    from slipway.cli.reference import pages

    folder = target or Settings().project / "docs" / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    commands = click.get_current_context().find_root().command
    for name, text in pages(commands).items():
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(str(folder / name))
