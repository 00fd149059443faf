"""The ring on a real Airflow: from landing files to a new champion and a rollback."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from slipway.local.clients import ClientResult
from tests.e2e import ferry_project
from tests.e2e.conftest import StackEnv
from tests.e2e.installed import Installed, running_up, started_by
from tests.support.installed_wheel import wheel_environment

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[StackEnv, Installed]]:
    """What the `slipway up` of a wheel runs in a project that it made, and the command."""
    folder = tmp_path_factory.mktemp("up")
    variables = wheel_environment(folder / "wheel")
    installed = Installed(folder / "project", sys.executable, variables)
    installed.run("init", ".")
    ferry_project.write_specs(installed.project)
    with running_up(installed, folder) as started:
        yield started


@pytest.fixture(scope="module")
def env(running: tuple[StackEnv, Installed]) -> StackEnv:
    """What `slipway up` runs, empty at first; tests of this file share what they build."""
    return running[0]


def test_files_landing_together_become_a_served_model(env: StackEnv) -> None:
    """Five files at once are ingested once each, in order, and the first model is served."""
    env.land_features(0, 1, 2)
    env.land_labels(0, 1)
    env.until(lambda: env.champion() == 1, "version 1 as champion")
    ingested = [fact["run"] for fact in env.facts("ferries", "ingest")]
    assert len(ingested) == len(set(ingested)) == 5
    in_order = [str(run).rsplit("-", 1)[0] for run in ingested]
    assert in_order == [
        *("features-2024-03-01", "labels-2024-03-01"),
        *("features-2024-03-02", "labels-2024-03-02"),
        "features-2024-03-03",
    ]
    assert env.ask(2).versions == {"1": 400}


def test_every_answer_is_in_the_log_once(env: StackEnv) -> None:
    """The rows that clients got an answer for are the rows in the store."""
    asked = env.ask(3, turned=True)
    assert not asked.failed
    env.until(lambda: env.container.log.count("ferry_delay") == 800, "800 logged rows")
    logged = env.container.log.read("ferry_delay", None, None, columns=["request_id"])
    assert set(asked.acknowledged) <= set(logged["request_id"])


def test_decay_asks_for_training_and_a_bad_challenger_is_refused(env: StackEnv) -> None:
    """The current has turned, but the challenger's training rows are from before."""
    env.land_features(3, 4, turned=True)
    env.land_labels(2)
    env.land_labels(3, turned=True)
    env.until(lambda: len(env.facts("ferry_delay", "answer")) == 2, "a second answer")
    assert env.facts("ferry_delay", "decide")[-1]["action"] == "request"
    assert env.facts("ferry_delay", "gate")[-1]["action"] == "refuse"
    assert env.champion() == 1


def test_the_next_challenger_has_learnt_and_replaces_the_champion(env: StackEnv) -> None:
    """With a day of the turned current in its training rows, the challenger passes and serves."""
    env.ask(4, turned=True)
    env.until(lambda: env.container.log.count("ferry_delay") == 1200, "1,200 logged rows")
    env.land_features(5, turned=True)
    env.land_labels(4, turned=True)
    env.until(lambda: env.champion() == 2, "version 2 as champion")
    assert env.ask(5, turned=True).versions == {"2": 400}


def test_a_person_rolls_back_under_requests(env: StackEnv) -> None:
    """No request fails, and the alias moves with the served version."""
    with asking(env) as answers:
        run = env.api.trigger("ferry_delay__deploy", to="previous")
        env.until(
            lambda: env.api.run_state("ferry_delay__deploy", run) in ("success", "failed"),
            "the end of the rollback",
        )
    assert env.api.run_state("ferry_delay__deploy", run) == "success"
    assert env.champion() == 1
    assert sum(one.failed for one in answers) == 0
    assert env.ask(5, turned=True).versions == {"1": 400}


def test_a_version_that_was_rolled_back_stays_back(env: StackEnv) -> None:
    """A sweep of the deploy DAG does nothing."""
    run = env.api.trigger("ferry_delay__deploy")
    env.until(lambda: env.api.run_state("ferry_delay__deploy", run) == "success", "the sweep's end")
    assert env.champion() == 1


def test_traffic_shifts_step_by_step_under_requests(env: StackEnv) -> None:
    """Both versions answer until the canary analysis; then the challenger does. None fails."""
    decay_the_champion(env)
    before = env.champion()
    stepped = "{steps: [50], requests: 60, max_error_rate: 0.1, limit_minutes: 5.0}"
    file = env.stack.project / "include/models/ferry_delay/model.yaml"
    file.write_text(ferry_project.MODEL.replace("{steps: []}", stepped))
    try:
        env.until(lambda: "shift_50" in env.task_ids("ferry_delay__deploy"), "a DAG with steps")
        env.api.trigger("ferry_delay__train", reason="a step to take")
        env.until(lambda: len(shares(env)) == 2, "shared requests", seconds=240.0)
        assert set(shares(env).values()) == {0.5}
        with asking(env) as answers:
            env.until(lambda: env.champion() != before, "another champion")
    finally:
        file.write_text(ferry_project.MODEL)
    step = env.facts("ferry_delay", "shift_50")[-1]
    assert step["action"] == "shifted"
    assert step["numbers"]["asked"] >= 60
    assert sum(one.failed for one in answers) == 0
    answered = {version for one in answers for version in one.versions}
    assert answered == {str(before), str(env.champion())}
    assert env.ask(5, turned=True).versions == {str(env.champion()): 400}


def test_a_past_without_keys_and_times_is_replayed(
    running: tuple[StackEnv, Installed],
) -> None:
    """A spec that appears is taken up, and answers find their labels by the digest of the row."""
    env, installed = running
    ferry_project.write_berth_specs(installed.project)
    env.until(
        lambda: env.api.get("/dags", dag_id_pattern="berth")["total_entries"] == 4, "four DAGs"
    )
    past = ferry_project.berths_file(env.files, 6, 7)
    told = installed.run(
        *("replay", str(past), "--dataset", "berths"), *("--by", "day", "--parts", "2")
    )
    unasked, asked = told.partition("what the ring did")[2].splitlines()[1:3]
    assert unasked.split()[1:] == []
    _, rows, version, auc, *followed = asked.split()
    assert (rows, version, followed) == ("400", "1", ["first:", "promoted"]), told
    assert float(auc) > 0.6
    assert env.champion("berth_delay") == 1


def test_commands_find_what_up_runs_and_sigterm_ends_all_of_it(
    running: tuple[StackEnv, Installed],
) -> None:
    """Inside the project, without a variable; no process is left, whichever session it leads."""
    env, installed = running
    told = installed.run("status", "ferry_delay")
    assert f"champion    version {env.champion()}" in told
    assert "`slipway up` is used" in told
    assert len(started_by(env)) >= 7
    assert installed.up is not None
    installed.up.terminate()
    assert installed.up.wait(120) == 128 + signal.SIGTERM
    assert [process.cmdline() for process in started_by(env)] == []


def decay_the_champion(env: StackEnv) -> None:
    """Land days on which a champion is out of date; days that have landed already are repeats."""
    env.land_features(0, 1, 2)
    env.land_labels(0, 1)
    env.until(lambda: env.champion() is not None, "a champion")
    env.land_features(3, 4, turned=True)
    env.land_labels(2)
    env.land_labels(3, 4, turned=True)
    env.until(env.ingested, "the days on which the current has turned")


def shares(env: StackEnv) -> dict[int, float]:
    """Share of the traffic by version."""
    served = env.container.platform_for(env.container.model("ferry_delay")).served("ferry_delay")
    return dict(served.weights) if served else {}


@contextmanager
def asking(env: StackEnv) -> Iterator[list[ClientResult]]:
    """Clients that send a day's crossings again and again; their results."""
    answers: list[ClientResult] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            answers.append(env.ask(5, turned=True))

    clients = threading.Thread(target=keep_asking)
    clients.start()
    try:
        yield answers
    finally:
        stop.set()
        clients.join()
