"""`slipway init`: a project of a person's own, beside the installed package."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Make a project in DIR: DAG files, folders for specs, settings and a pipeline.

    The package is installed and not copied: `dags/` calls it. What is there already is named and
    stays as it is.
    """
    from slipway.local.new_project import make_project

    result = make_project(folder)
    for name in result.made:
        click.echo(f"made    {folder / name}")
    for name in result.kept:
        click.echo(f"kept    {folder / name} (it was there, with another content)")
    if not result.made:
        click.echo(f"{folder} has every file of a project already; nothing was changed")
    into = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    click.echo(f"next: {into}slipway new FILE")
