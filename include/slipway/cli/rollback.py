"""`slipway rollback`: run the stages of a rollout to the previous champion."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click

from slipway import wiring
from slipway.cli.origin import shell_origin
from slipway.cli.output import json_option, print_json, print_outcome, verdict_of
from slipway.cli.signals import exit_on_sigterm
from slipway.cli.specs_in_use import specs_in_use
from slipway.cli.waiting_told import waiting_told
from slipway.errors import RegistryUnavailable, SlipwayError
from slipway.records.outcomes import Outcome
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict

ROLLBACK: Mapping[str, Collection[str]] = {
    "reconcile": {"roll_back", "repair"},
    "verify": {"verified"},
    "switch": {"switched"},
    "promote_champion": {"promoted"},
}
"""The stages of a rollback, and the actions after which the next stage runs."""

MOVED = (
    "All requests are answered by the version of the rollback; the next sweep of the deploy DAG "
    "sets tags and aliases once MLflow answers."
)


@click.command()
@click.argument("model")
@json_option
def rollback(model: str, *, as_json: bool) -> None:
    """Roll MODEL back to its previous champion.

    While a rollout shares the traffic, that is the champion: the rollout's version gets no request
    from then on and is marked as rolled back. Give the command again to go back further.

    It does not wait for a rollout that has not moved all traffic yet: it takes the rollout over,
    and the DAG run of that one fails. It shifts no traffic step by step, but verifies the version
    like any other rollout. It waits for another rollback, and says so on stderr. One that was given
    while a canary shared the traffic, or beside another rollback, means the same step back and
    takes no second one.
    Exit status 1 unless the version was read back as served.

    Where the ledger is damaged it goes by the intact entries, and is refused with the steps where
    these do not tell which version came before.

    It needs no valid spec: where MODEL's or its dataset's is invalid, or a folder is gone, the
    specs of the last rollout are used, after a warning.
    """
    exit_on_sigterm()
    container = _with_specs(model)
    outcomes = {}
    with waiting_told():
        for stage, outcome in _roll_back(model, container):
            outcomes[stage] = verdict_of(outcome)
            if not as_json:
                print_outcome(stage, outcome)
    done = _is_back(outcomes)
    if as_json:
        verdicts = {stage: verdict.to_json() for stage, verdict in outcomes.items()}
        print_json({"model": model, "rolled_back": done, "verdicts": verdicts})
    if not done:
        raise SystemExit(1)


def _with_specs(model: str) -> wiring.Container:
    """Adapters with the specs of a model, valid now or at its last rollout.

    Raises:
        BadParameter: Nothing is known of such a model.
        SpecError: The specs are invalid, and no valid ones were kept.
    """
    container = wiring.Container()
    specs = specs_in_use(container, model)
    if specs.problem is not None:
        if specs.model is None or specs.dataset is None:
            raise specs.problem
        container.pin_specs(specs.model, specs.dataset)
    return container


def _is_back(outcomes: Mapping[str, Verdict]) -> bool:
    """Whether the version serves: at the end of all stages, or since another rollback."""
    last = list(outcomes)[-1]
    return (last, outcomes[last].action) in {
        ("reconcile", "nothing"),
        # Tags and aliases wait for MLflow.
        ("reconcile", "repair"),
        ("switch", "switched"),
        ("promote_champion", "promoted"),
    }


def _roll_back(model: str, container: wiring.Container) -> Iterator[tuple[str, Outcome]]:
    """Yield each stage's outcome, up to the first that ends the rollback."""
    origin = shell_origin()
    asked_at = datetime.now(UTC).isoformat()
    inputs: dict[str, Any] = {"model": model, "to": "previous", "asked_at": asked_at}
    stage, is_repaired = "", False
    try:
        for stage, continues in ROLLBACK.items():
            outcome = wiring.run_stage(stage, inputs, origin=origin, container=container)
            yield stage, outcome
            is_repaired = is_repaired or verdict_of(outcome).action == "repair"
            if verdict_of(outcome).action not in continues or not isinstance(outcome, RunRecord):
                return
            inputs = {"model": model, "rollout": outcome.ref.run}
    except RegistryUnavailable as error:
        wiring.give_lease_back(model, origin, container=container)
        if stage != "promote_champion" and not is_repaired:
            raise
        click.secho(f"warning: {error.message}. {MOVED}", fg="yellow", err=True)
    except BaseException:
        # Also when it is interrupted: the next rollout need not wait until the lease expires.
        with suppress(SlipwayError):
            wiring.give_lease_back(model, origin, container=container)
        raise
