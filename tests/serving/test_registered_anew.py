"""A registered model is deleted in MLflow and made anew: what serves stays, until verified."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.stages.model.version_tags import DIGEST
from tests.serving.model_versions import MODEL
from tests.serving.processes import until
from tests.serving.rollouts_on_mlflow import RolloutsOnMlflow, rollouts_on_mlflow


@pytest.fixture
def rollouts(tmp_path: Path, mlflow_server: str) -> Iterator[RolloutsOnMlflow]:
    """A platform that downloads its versions from MLflow."""
    with rollouts_on_mlflow(tmp_path, mlflow=mlflow_server) as made:
        yield made


def test_a_model_trained_anew_takes_the_whole_way(rollouts: RolloutsOnMlflow) -> None:
    """Under the next number: verified, a canary beside the old bytes, and no failed request."""
    sealed = rollouts.serve_first()
    rollouts.hands.delete_registered_model(MODEL)
    new, _ = rollouts.train(seed=2)
    assert new == 2
    with rollouts.env.background() as clients:
        run = rollouts.reconcile().ref.run
        assert rollouts.verify(run) == "verified"
        assert rollouts.served() == sealed
        assert rollouts.shift(run) == "shifted"
        assert rollouts.weights() == {1: 0.5, new: 0.5}
        assert rollouts.finish(run) == ["switched", "promoted"]
        clients.wait_for(20)
    assert clients.failed == []
    assert set(clients.answered.values()) == {1, new}
    assert rollouts.answers_as(2)
    assert rollouts.reconcile().verdict.action == "nothing"


def test_a_model_made_anew_in_the_middle_of_a_rollout(rollouts: RolloutsOnMlflow) -> None:
    """The canary, which MLflow has no more, is taken back; the new version takes the whole way."""
    sealed = rollouts.serve_first()
    assert rollouts.train(seed=2)[0] == 2
    with rollouts.env.background() as clients:
        run = rollouts.reconcile().ref.run
        assert rollouts.verify(run) == "verified"
        assert rollouts.shift(run) == "shifted"
        rollouts.hands.delete_registered_model(MODEL)
        new, _ = rollouts.train(seed=3)
        assert new == 3
        assert rollouts.switch(run) == "aborted"
        assert (rollouts.weights(), rollouts.served()) == ({1: 1.0}, sealed)
        assert rollouts.roll_out(holder="sweep") == [
            *("roll_out", "verified", "shifted", "switched", "promoted")
        ]
        clients.wait_for(20)
    assert clients.failed == []
    assert rollouts.answers_as(3)
    assert (rollouts.alias("champion"), rollouts.alias("challenger")) == (new, None)


def test_old_bytes_serve_until_those_of_a_hand_are_verified(rollouts: RolloutsOnMlflow) -> None:
    """Under the same number, without a failed request, also when the server has to start again."""
    old = rollouts.serve_first()
    rollouts.hands.delete_registered_model(MODEL)
    new = rollouts.register_by_hand(seed=2)
    with rollouts.env.background() as clients:
        begun = rollouts.reconcile()
        assert begun.verdict.action == "roll_out"
        rollouts.env.kill(1)
        assert rollouts.answers_as(1)
        assert rollouts.served() == old
        assert rollouts.verify(begun.ref.run) == "verified"
        assert rollouts.served() == old
        assert rollouts.answers_as(1)
        assert rollouts.shift(begun.ref.run) == "unneeded"
        assert rollouts.finish(begun.ref.run) == ["switched", "promoted"]
        clients.wait_for(20)
    # What the killed server was answering.
    assert len(clients.failed) <= 1
    assert rollouts.served() == new != old
    assert rollouts.answers_as(2)
    champion = rollouts.registry.alias(MODEL, "champion")
    assert champion is not None
    assert champion.tags[DIGEST] == new
    assert rollouts.reconcile().verdict.action == "nothing"


def test_bytes_that_cannot_be_verified_never_serve(rollouts: RolloutsOnMlflow) -> None:
    """Their digest is not that of what was logged; the download says which was wanted."""
    old = rollouts.serve_first()
    rollouts.hands.delete_registered_model(MODEL)
    rollouts.register_by_hand(seed=2)
    rollouts.registry.tag(MODEL, 1, {DIGEST: "e" * 64})
    run = rollouts.reconcile().ref.run
    assert rollouts.verify(run) == "refused"
    assert rollouts.served() == old
    assert rollouts.reconcile().verdict.action == "nothing"
    scratch = rollouts.env.scratch / "models" / MODEL
    (kept,) = scratch.iterdir()
    for file in sorted(kept.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    kept.rmdir()
    os.kill(rollouts.env.status()["servers"]["1"]["pid"], signal.SIGKILL)

    def problem() -> str:
        return str(rollouts.env.status()["servers"]["1"]["problem"])

    until(lambda: "not the version that is meant" in problem(), "the download is refused")
    assert old in problem()
    assert not list(scratch.iterdir())
