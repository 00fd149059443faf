"""Commands that run stages, as an Airflow task would."""

from __future__ import annotations

import getpass
import json
import signal
import socket
import sys
import uuid
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import click

from slipway import wiring
from slipway.cli.output import json_option, print_json, print_outcome, verdict_of
from slipway.records.outcomes import Outcome
from slipway.records.run_records import RunRecord

ROLLBACK: Mapping[str, Collection[str]] = {
    "reconcile": {"roll_back", "repair"},
    "verify": {"verified"},
    "switch": {"switched"},
    "promote_champion": {"promoted"},
}
"""The stages of a rollback, and the actions after which the next one follows."""

TERMINATED = 128 + signal.SIGTERM
"""Exit status of a process that was told to end."""


class Origin(click.ParamType[dict[str, Any]]):
    """Who runs a stage, as a JSON object."""

    name = "json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        """The object."""
        try:
            read = json.loads(value)
        except json.JSONDecodeError as error:
            self.fail(f"not JSON: {error}", param, ctx)
        if not isinstance(read, dict):
            self.fail("not a JSON object", param, ctx)
        return read


@click.command()
@click.argument("stage", type=click.Choice(list(wiring.STAGES)))
@click.option("--dataset", help="Dataset to ingest.")
@click.option("--stream", type=click.Choice(["features", "labels"]), help="Stream to ingest.")
@click.option("--batch", help="Batch to ingest.")
@click.option("--file", help="Store key of the delivery to ingest.")
@click.option("--model", help="Model to work on.")
@click.option("--request", type=click.IntRange(min=1), help="Number of the retrain request.")
@click.option("--reason", help="Why you ask for a new model (`accept`).")
@click.option("--to", help="What to roll out: `challenger`, `previous` or a version's number.")
@click.option("--rollout", help="Rollout that `reconcile` began, e.g. `rollout-000003`.")
@click.option("--step", type=click.IntRange(1, 99), help="Percent of the requests (`shift`).")
@click.option("--partition", help="Partition to score (`score`), e.g. `2013-05`.")
@click.option("--first", help="Or all partitions from this one on (`partitions`).")
@click.option("--last", help="… up to and with this one.")
@click.option("--scoring", help="Or the run that listed it, e.g. `score-2013-05-3f9a0c11d2e4-v3`.")
@click.option("--window", help="Window to measure, as `collect` names it.")
@click.option(
    "--origin", type=Origin(), envvar="SLIPWAY_ORIGIN", help="Who runs it; a JSON object."
)
@click.option("--outcome", help="Store key under which to keep what it decided; a pod's task does.")
@json_option
def run(
    stage: str, *, origin: dict[str, Any] | None, outcome: str | None, as_json: bool, **given: Any
) -> None:
    """Run one stage of the ring and print its verdict.

    A repeat prints the verdict that is recorded. A stage takes only the options that it needs.
    """
    end_when_told()
    arguments = {name: value for name, value in given.items() if value is not None}
    decided = wiring.run_stage(stage, arguments, origin=origin or shell_origin(), outcome=outcome)
    if as_json:
        print_json(decided.to_json())
    else:
        print_outcome(stage, decided)


@click.command()
@click.argument("model")
@json_option
def rollback(model: str, *, as_json: bool) -> None:
    """Let MODEL's previous champion serve again.

    While a rollout shares the traffic, that is the champion: the rollout's version gets no request
    from then on and is marked as rolled back. Give the command again to go back further.

    It does not wait for a rollout that has not moved all traffic yet, but takes over from it, and
    that one's DAG run fails. It goes around the steps, and is verified like any other rollout.
    Exit status 1 unless what should serve was read back as served.
    """
    outcomes = {}
    for stage, outcome in _roll_back(model):
        outcomes[stage] = verdict_of(outcome)
        if not as_json:
            print_outcome(stage, outcome)
    done = list(outcomes) == list(ROLLBACK) and outcomes["promote_champion"].action == "promoted"
    if as_json:
        verdicts = {stage: verdict.to_json() for stage, verdict in outcomes.items()}
        print_json({"model": model, "rolled_back": done, "verdicts": verdicts})
    if not done:
        raise SystemExit(1)


def _roll_back(model: str) -> Iterator[tuple[str, Outcome]]:
    """Each stage's outcome, up to the first one after which nothing may follow."""
    origin = shell_origin()
    arguments: dict[str, Any] = {"model": model, "to": "previous"}
    for stage, continues in ROLLBACK.items():
        outcome = wiring.run_stage(stage, arguments, origin=origin)
        yield stage, outcome
        if verdict_of(outcome).action not in continues or not isinstance(outcome, RunRecord):
            return
        arguments = {"model": model, "rollout": outcome.ref.run}


def end_when_told() -> None:
    """Let SIGTERM end this process at once, and what it began with it.

    The first process of a container would not hear it otherwise, and linger until it is killed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


def shell_origin() -> dict[str, Any]:
    """Who runs a stage when no DAG does: the person at this shell."""
    return {
        "by": getpass.getuser(),
        "host": socket.gethostname(),
        "run_id": f"shell-{uuid.uuid4().hex[:12]}",
    }
