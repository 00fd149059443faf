"""`slipway keys`: keys that sign model versions."""

from __future__ import annotations

from pathlib import Path

import click

from slipway.cli.command_errors import Commands
from slipway.cli.output import json_option, print_json


@click.group(cls=Commands)
def keys() -> None:
    """Make keys that sign model versions."""


@keys.command()
@click.option(
    "--into",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Folder of both files; default: the present one.",
)
@click.option("--name", default="slipway", show_default=True, help="Name of both files.")
@click.option(
    "--kind",
    type=click.Choice(["ecdsa-p256", "ed25519"]),
    default="ecdsa-p256",
    show_default=True,
    help="Kind of the keys; OpenSSF's `model_signing verify key` takes ECDSA alone.",
)
@json_option
def new(*, folder: Path, name: str, kind: str, as_json: bool) -> None:
    """Make a new pair of keys and print where each half belongs.

    The private key is `NAME.key.pem`, readable by its owner alone, the public one `NAME.pub.pem`.
    Nothing is replaced.
    """
    from slipway.adapters.signatures.new_keys import make_keys

    private, public = folder / f"{name}.key.pem", folder / f"{name}.pub.pem"
    key_id = make_keys(private, public, kind=kind)
    if as_json:
        print_json({"private": str(private), "public": str(public), "key_id": key_id})
        return
    click.echo(f"private key: {private}")
    click.echo("  SLIPWAY_SIGNING_KEY, where versions are promoted, rolled out, signed or brought")
    click.echo(f"public key: {public}")
    click.echo("  SLIPWAY_TRUSTED_KEYS, wherever versions are used: servers, stages, commands")
    click.echo(f"id: {key_id}")
    click.echo("`slipway sign MODEL` signs the versions that were registered before")
