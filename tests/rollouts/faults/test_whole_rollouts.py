"""A whole rollout on a cluster, and the way back from it, while clients ask."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from slipway import wiring
from slipway.cli import main
from slipway.records.outcomes import Listing
from tests.rollouts.faults.rollout_env import RolloutEnv
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION
from tests.support.models_on_cluster import MODEL

ALL_WELL = ["roll_out", "verified", "shifted", "switched", "promoted"]


@contextmanager
def as_a_person(env: RolloutEnv) -> Iterator[CliRunner]:
    """Commands of a person's shell."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SLIPWAY_PROJECT", "SLIPWAY_STORE", "SLIPWAY_MLFLOW"):
            patch.setenv(name, env.environ[name])
        yield CliRunner()


def said_of_the_monitor(env: RolloutEnv) -> tuple[object, str]:
    """Whose reference windows are held against from now on, and whether that one is served."""
    found = wiring.run_stage("collect", {"model": MODEL}, origin={}, container=env.container())
    assert isinstance(found, Listing)
    return found.verdict.numbers["champion"], found.verdict.reason


def test_a_challenger_becomes_champion_and_is_rolled_back(
    env: RolloutEnv, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is turned away; aliases, traffic and the drift reference go there and back together.

    A rollback only changes weights: the previous version is kept warm until it serves again.
    """
    with env.clients() as clients:
        assert env.run_rollout() == ALL_WELL
        assert set(clients.after(10)) == {CANDIDATE}
        env.assert_consistent(CANDIDATE, CHAMPION)
        assert env.aliases() == {"champion": CANDIDATE, "previous": CHAMPION}
        assert said_of_the_monitor(env)[0] == CANDIDATE
        assert env.warm() == {CHAMPION}
        began = time.monotonic()
        with as_a_person(env) as shell:
            done = shell.invoke(main, ["rollback", MODEL, "--json"])
        took = time.monotonic() - began
        assert done.exit_code == 0, done.output
        assert set(clients.after(10)) == {CHAMPION}
    assert json.loads(done.stdout)["rolled_back"] is True
    env.assert_consistent(CHAMPION)
    assert env.aliases() == {"champion": CHAMPION}
    assert env.tag(CANDIDATE) == "rolled_back"
    champion, reason = said_of_the_monitor(env)
    assert champion == CHAMPION
    assert "what is served is not" not in reason
    with capsys.disabled():
        how = "route" if env.by_route else "numbers of servers"
        print(f"\nrollback of a champion by {how}: {took:.1f} s from command to its end")  # noqa: T201
