"""`slipway sign`: sign the versions of a model that the ledger knows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from slipway.cli.output import json_option, print_json

if TYPE_CHECKING:
    from slipway.stages.model.sign_known import SignedVersion
    from slipway.stages.rollout.sign_serving import SignedState


def _details(one: SignedVersion) -> str:
    from slipway.records.folder_survey import printable_key
    from slipway.stages.model.signature import SHORT_ID

    if one.before:
        # A tag may hold anything: it is MLflow's, and is not verified.
        key = printable_key(one.before[:SHORT_ID])
        return f" anew: by its tag, it was signed before by key {key}"
    return f": {one.reason}" if one.reason else ""


@click.command()
@click.argument("model")
@json_option
def sign(model: str, *, as_json: bool) -> None:
    """Sign every version of MODEL that its ledger knows, with SLIPWAY_SIGNING_KEY.

    And the desired state of what serves, where the ledger's champion takes every request.

    For versions from before the key, and for a new key; what is signed already is signed anew.

    The ledger is verified first, and nothing is signed where it was changed. A version whose files
    are not those that its record names is left out. Exit status 1 when there is one.
    """
    from slipway import wiring
    from slipway.stages.model.sign_known import sign_known
    from slipway.stages.rollout.sign_serving import sign_serving
    from slipway.wiring.signing import state_trust_of

    container = wiring.Container()
    done: list[SignedVersion | SignedState] = []
    for one in sign_known(
        model, store=container.store, registry=container.registry, signing=container.signing
    ):
        done.append(one)
        if not as_json:
            click.echo(f"version {one.version} {one.action}{_details(one)}")
    for state in sign_serving(
        model, store=container.store, registry=container.registry, trust=state_trust_of(container)
    ):
        done.append(state)
        if not as_json:
            click.echo(f"desired state {state.generation} {state.action}: {state.reason}")
    if as_json:
        print_json([asdict(one) for one in done])
    elif not done:
        click.echo(f"the ledger of {model} knows no version")
    if any(one.action == "refused" for one in done):
        raise SystemExit(1)
