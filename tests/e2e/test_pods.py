"""The ring in pods: a file lands, a cluster trains and serves, a canary is judged, and put back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from slipway.local.demo.year import ClientResult
from tests.e2e import cluster_env
from tests.e2e.cluster_env import MODEL, Harbour
from tests.e2e.conftest import House

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def harbour(house: House) -> Iterator[Harbour]:
    """The cluster's house, empty at first; tests of this file share what they build."""
    with cluster_env.opened(house) as harbour:
        yield harbour


def test_what_lands_is_trained_and_served_by_a_cluster(harbour: Harbour) -> None:
    """Two files become a model behind the gateway; Airflow made every pod, and none is left."""
    harbour.land()
    harbour.house.until(lambda: harbour.champion() == 1, "version 1 as champion", seconds=600.0)
    assert harbour.ask().versions == {"1": 400}
    made = harbour.pods_made()
    assert set(made) == {"slipway-airflow"}
    ran = [
        fact
        for subject in (cluster_env.DATASET, MODEL)
        for fact in harbour.house.facts(subject)
        if fact["origin"].get("dag_id")
    ]
    assert len(made) >= len(ran)
    harbour.house.until(lambda: not harbour.stage_pods(), "the last pod's end", seconds=60.0)


def test_a_canary_is_judged_under_requests_and_promoted(harbour: Harbour) -> None:
    """The gateway gives the challenger its share; after one look it serves, and nothing failed."""
    harbour.house.api.trigger(f"{MODEL}__train", reason="a canary to judge")
    with asking(harbour) as answers:
        harbour.house.until(lambda: harbour.champion() == 2, "version 2", seconds=600.0)
    assert sum(one.failed for one in answers) == 0
    [step] = harbour.house.facts(MODEL, "shift_50")[-1:]
    assert step["action"] == "shifted"
    assert step["numbers"]["asked"] >= 60
    assert {version for one in answers for version in one.versions} == {"1", "2"}
    assert harbour.ask().versions == {"2": 400}


def test_a_person_rolls_back_on_the_cluster(harbour: Harbour) -> None:
    """Not one request fails; weight, alias and answers move together."""
    with asking(harbour) as answers:
        run = harbour.house.api.trigger(f"{MODEL}__deploy", to="previous")
        harbour.house.until(
            lambda: harbour.house.api.run_state(f"{MODEL}__deploy", run) in ("success", "failed"),
            "the end of the rollback",
        )
    assert harbour.house.api.run_state(f"{MODEL}__deploy", run) == "success"
    assert sum(one.failed for one in answers) == 0
    assert harbour.champion() == 1
    assert harbour.ask().versions == {"1": 400}


def test_answers_of_the_cluster_reach_the_store(harbour: Harbour) -> None:
    """The shippers beside the servers put every answered row into the prediction log."""
    asked = harbour.ask()
    harbour.house.until(lambda: set(asked.acknowledged) <= logged(harbour), "the logged requests")


@contextmanager
def asking(harbour: Harbour) -> Iterator[list[ClientResult]]:
    """Clients who ask about a day again and again; what came back."""
    answers: list[ClientResult] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.wait(0.2):
            answers.append(harbour.ask())

    clients = threading.Thread(target=keep_asking)
    clients.start()
    try:
        yield answers
    finally:
        stop.set()
        clients.join()


def logged(harbour: Harbour) -> set[str]:
    """Requests whose answers the store holds."""
    rows = harbour.house.container.log.read(MODEL, None, None, columns=["request_id"])
    return set(rows["request_id"])
