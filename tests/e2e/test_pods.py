"""The ring in pods: ingest, train, deploy, canary and rollback on a cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from slipway.local.clients import ClientResult
from tests.e2e.cluster_env import DATASET, MODEL, ClusterEnv, running_cluster_env
from tests.e2e.conftest import StackEnv

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def env(env: StackEnv) -> Iterator[ClusterEnv]:
    """A project on the cluster, empty at first; tests of this file share what they build."""
    with running_cluster_env(env) as cluster_env:
        yield cluster_env


def test_what_lands_is_trained_and_served_by_a_cluster(env: ClusterEnv) -> None:
    """Two files become a model behind the gateway; Airflow makes every pod, and none is left."""
    env.land()
    env.stack_env.until(lambda: env.champion() == 1, "version 1 as champion", seconds=600.0)
    assert env.ask().versions == {"1": 400}
    made = env.pods_made()
    assert set(made) == {"slipway-airflow"}
    ran = [
        fact
        for subject in (DATASET, MODEL)
        for fact in env.stack_env.facts(subject)
        if fact["origin"].get("dag_id")
    ]
    assert len(made) >= len(ran)
    env.stack_env.until(lambda: not env.stage_pods(), "the last pod's end", seconds=60.0)


def test_two_pods_share_the_trials_of_a_search(env: ClusterEnv) -> None:
    """Each leaves its own record, and training finds all four trials ended."""
    workers = [env.stack_env.facts(MODEL, f"search_{number}") for number in (1, 2)]
    assert [one[0]["action"] for one in workers] == ["searched", "searched"]
    assert [one[0]["origin"]["map_index"] for one in workers] == [0, 1]
    [trained] = env.stack_env.facts(MODEL, "train")[:1]
    assert trained["numbers"]["search_trials"] == 4


def test_a_canary_is_judged_under_requests_and_promoted(env: ClusterEnv) -> None:
    """The challenger gets its share by the gateway, is promoted, and no request fails."""
    env.stack_env.api.trigger(f"{MODEL}__train", reason="a canary to judge")
    with asking(env) as answers:
        env.stack_env.until(lambda: env.champion() == 2, "version 2", seconds=600.0)
    assert sum(one.failed for one in answers) == 0
    [step] = env.stack_env.facts(MODEL, "shift_50")[-1:]
    assert step["action"] == "shifted"
    assert step["numbers"]["asked"] >= 60
    assert {version for one in answers for version in one.versions} == {"1", "2"}
    assert env.ask().versions == {"2": 400}


def test_a_person_rolls_back_on_the_cluster(env: ClusterEnv) -> None:
    """No request fails; weight, alias and answers change together."""
    with asking(env) as answers:
        run = env.stack_env.api.trigger(f"{MODEL}__deploy", to="previous")
        env.stack_env.until(
            lambda: env.stack_env.api.run_state(f"{MODEL}__deploy", run) in ("success", "failed"),
            "the end of the rollback",
        )
    assert env.stack_env.api.run_state(f"{MODEL}__deploy", run) == "success"
    assert sum(one.failed for one in answers) == 0
    assert env.champion() == 1
    assert env.ask().versions == {"1": 400}


def test_answers_of_the_cluster_reach_the_store(env: ClusterEnv) -> None:
    """The shippers beside the servers write every answered row into the prediction log."""
    asked = env.ask()
    env.stack_env.until(lambda: set(asked.acknowledged) <= logged(env), "the logged requests")


@contextmanager
def asking(env: ClusterEnv) -> Iterator[list[ClientResult]]:
    """Clients that send a day's crossings again and again; their results."""
    answers: list[ClientResult] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.wait(0.2):
            answers.append(env.ask())

    clients = threading.Thread(target=keep_asking)
    clients.start()
    try:
        yield answers
    finally:
        stop.set()
        clients.join()


def logged(env: ClusterEnv) -> set[str]:
    """Ids of the requests in the prediction log."""
    rows = env.stack_env.container.log.read(MODEL, None, None, columns=["request_id"])
    return set(rows["request_id"])
