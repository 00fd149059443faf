"""A whole rollout on a cluster and its rollback, under load."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from slipway import wiring
from slipway.cli.commands import commands
from slipway.records.outcomes import Listing
from tests.rollouts.faults.rollout_env import RolloutEnv
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION
from tests.support.models_on_cluster import MODEL

ALL_WELL = ["roll_out", "verified", "shifted", "switched", "promoted"]


@contextmanager
def as_a_person(env: RolloutEnv) -> Iterator[CliRunner]:
    """Command lines of a person's shell."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SLIPWAY_PROJECT", "SLIPWAY_STORE", "SLIPWAY_MLFLOW"):
            patch.setenv(name, env.environ[name])
        yield CliRunner()


def monitored_version(env: RolloutEnv) -> tuple[object, str]:
    """The version whose reference drift uses, and whether it is served."""
    found = wiring.run_stage("collect", {"model": MODEL}, origin={}, container=env.container())
    assert isinstance(found, Listing)
    return found.verdict.numbers["champion"], found.verdict.reason


def test_a_challenger_becomes_champion_and_is_rolled_back(
    env: RolloutEnv, capsys: pytest.CaptureFixture[str]
) -> None:
    """No request fails; aliases, traffic and the drift reference change together.

    A rollback only changes weights: the previous version stays warm until it serves again.
    """
    with env.clients() as clients:
        assert env.run_rollout() == ALL_WELL
        assert set(clients.after(10)) == {CANDIDATE}
        env.assert_consistent(CANDIDATE, CHAMPION)
        assert env.aliases() == {"champion": CANDIDATE, "previous": CHAMPION}
        assert monitored_version(env)[0] == CANDIDATE
        assert env.warm() == {CHAMPION}
        began = time.monotonic()
        with as_a_person(env) as shell:
            done = shell.invoke(commands, ["rollback", MODEL, "--json"])
        took = time.monotonic() - began
        assert done.exit_code == 0, done.output
        assert set(clients.after(10)) == {CHAMPION}
    assert json.loads(done.stdout)["rolled_back"] is True
    env.assert_consistent(CHAMPION)
    assert env.aliases() == {"champion": CHAMPION}
    assert env.tag(CANDIDATE) == "rolled_back"
    champion, reason = monitored_version(env)
    assert champion == CHAMPION
    assert "what is served is not" not in reason
    with capsys.disabled():
        how = "route" if env.by_route else "numbers of servers"
        print(f"\nrollback of a champion by {how}: {took:.1f} s from command to its end")  # noqa: T201
