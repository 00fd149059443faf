"""`slipway bring`: import a model version from another environment."""

from __future__ import annotations

import click

from slipway.cli.origin import shell_origin
from slipway.cli.output import json_option, print_json, print_outcome, verdict_of

DONE = frozenset({"brought", "known"})


@click.command()
@click.argument("model")
@click.option(
    "--version",
    "which",
    default="champion",
    show_default=True,
    help="The source's version: its number there, or an alias.",
)
@click.option(
    "--from-mlflow",
    "mlflow",
    envvar="SLIPWAY_FROM_MLFLOW",
    required=True,
    show_envvar=True,
    help="Address of the source's MLflow server.",
)
@click.option(
    "--from-store",
    "store",
    envvar="SLIPWAY_FROM_STORE",
    required=True,
    show_envvar=True,
    help="Root of the source's store; it is only read.",
)
@click.option(
    "--from-name",
    "name",
    envvar="SLIPWAY_FROM_NAME",
    show_envvar=True,
    help="Name of the source in records, e.g. `staging`; default: its MLflow server's address.",
)
@click.option("--replace", is_flag=True, help="Replace another challenger that waits here.")
@click.option(
    "--without-champion",
    is_flag=True,
    help="Let the gates leave the champion here out, where MLflow lost it.",
)
@json_option
def bring(
    model: str,
    *,
    which: str,
    mlflow: str,
    store: str,
    name: str | None,
    replace: bool,
    without_champion: bool,
    as_json: bool,
) -> None:
    """Copy a version of MODEL from another environment's registry to this one's.

    The bytes are copied unchanged, with the records of their gates and of their rollout; nothing
    is trained or built again. The version becomes the challenger here, and the next run of the
    deploy DAG verifies it and shifts traffic to it as to any other.

    A version is refused if it was not champion at the source or was rolled back there, if its
    files, tags or records were changed, if it does not fit this environment's spec, or if it does
    not pass the gates against the champion here. Exit status 1 when it is refused.

    A repeat imports nothing: a version of the source is one version here.
    Secrets for the source come from the SLIPWAY_FROM_… variables, never from options.
    """
    from slipway.wiring.import_version import bring as bring_version

    outcome = bring_version(
        model,
        which=which,
        mlflow=mlflow,
        store=store,
        name=name,
        replace=replace,
        without_champion=without_champion,
        origin=shell_origin(),
    )
    if as_json:
        print_json(outcome.to_json())
    else:
        print_outcome("bring", outcome)
    if verdict_of(outcome).action not in DONE:
        raise SystemExit(1)
