"""`slipway sign`: sign the versions of a model that the ledger knows."""

from __future__ import annotations

from dataclasses import asdict

import click

from slipway.cli.output import json_option, print_json


@click.command()
@click.argument("model")
@json_option
def sign(model: str, *, as_json: bool) -> None:
    """Sign every version of MODEL that its ledger knows, with SLIPWAY_SIGNING_KEY.

    For versions from before the key, and for a new key; what is signed already is signed anew.

    The ledger is verified first, and nothing is signed where it was changed. A version whose files
    are not those that its record names is left out. Exit status 1 when there is one.
    """
    from slipway import wiring
    from slipway.stages.model.sign_known import sign_known

    container = wiring.Container()
    done = []
    for one in sign_known(
        model, store=container.store, registry=container.registry, signing=container.signing
    ):
        done.append(one)
        if not as_json:
            reason = f": {one.reason}" if one.reason else ""
            click.echo(f"version {one.version} {one.action}{reason}")
    if as_json:
        print_json([asdict(one) for one in done])
    elif not done:
        click.echo(f"the ledger of {model} knows no version")
    if any(one.action == "refused" for one in done):
        raise SystemExit(1)
