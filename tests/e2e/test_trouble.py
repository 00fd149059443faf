"""Kills, outages and bad input on a real Airflow: nothing is lost or done twice."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import psutil
import pytest

from slipway.local.clients import land
from slipway.records import requests
from slipway.records.attempts import find_failure
from slipway.records.run_records import RunRef, find_record
from slipway.records.store import read_json
from tests.e2e import ferry_project
from tests.e2e.conftest import StackEnv

pytestmark = pytest.mark.timeout(600)


def test_a_file_that_lands_while_the_dag_is_paused_is_ingested_later(env: StackEnv) -> None:
    """Airflow drops the trigger's event; the store still lists the waiting file."""
    env.api.patch("/dags/ferries__ingest", {"is_paused": True})
    env.land_features(10)
    env.until(lambda: not env.ingested(), "a waiting delivery")
    env.api.patch("/dags/ferries__ingest", {"is_paused": False})
    env.until(env.ingested, "its acknowledgement")
    assert env.ingests_of("features", 10) == ["ingested"]


def test_a_killed_triggerer_loses_no_file(env: StackEnv) -> None:
    """The file lands without a triggerer; the next triggerer's trigger fires for it."""
    env.kill("triggerer")
    env.land_features(11)
    env.stack.start_airflow("triggerer")
    env.until(env.ingested, "its acknowledgement")
    assert env.ingests_of("features", 11) == ["ingested"]


def test_a_killed_scheduler_loses_no_run(env: StackEnv) -> None:
    """The next scheduler continues the run."""
    env.land_features(12)
    env.kill("scheduler")
    env.stack.start_airflow("scheduler")
    env.until(env.ingested, "its acknowledgement")
    assert env.ingests_of("features", 12) == ["ingested"]


def test_an_ingest_killed_in_the_middle_is_done_again(env: StackEnv) -> None:
    """The second attempt publishes the batch; its rows are in the table once."""
    env.land_features(13)
    attempt = env.attempt("ferries", "features-2024-03-14", "ingest")
    os.kill(attempt["origin"]["pid"], signal.SIGKILL)
    env.until(env.ingested, "its acknowledgement")
    rows = env.container.tables.read("ferries/features", columns=["crossing", "_batch"])
    assert (rows["_batch"] == "2024-03-14").sum() == ferry_project.ROWS_A_DAY
    assert rows["crossing"].is_unique


def test_a_task_that_outlives_its_worker_may_not_commit(env: StackEnv) -> None:
    """Airflow starts a second attempt; a later commit of the first one is refused."""
    env.land_features(14)
    attempt = env.attempt("ferries", "features-2024-03-15", "ingest")
    task = psutil.Process(attempt["origin"]["pid"])
    worker = task.parent()
    worker.kill()
    # A stopped process whose parent dies gets a SIGHUP, so this comes first.
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.001)
    task.suspend()
    env.until(env.ingested, "the second attempt", seconds=240.0)
    task.resume()
    ref = env.ref("ferries", "features-2024-03-15", "ingest")
    psutil.wait_procs([task], timeout=60)
    first = f"{ref.folder}/attempt-0001.failed.json"
    env.until(lambda: env.container.store.exists(first), "the refusal of the first attempt")
    assert read_json(env.container.store, first)["kind"] == "Superseded"
    record = find_record(env.container.store, ref)
    assert record is not None
    assert record.attempt == 2


def test_a_truncated_delivery_is_blocked_and_kept(env: StackEnv) -> None:
    """The verdict has the reason, the bytes are in quarantine, and the next file is ingested."""
    whole = ferry_project.features_file(env.files, 15).read_bytes()
    broken = env.files / "broken" / "2024-03-16.parquet"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_bytes(whole[: len(whole) // 2])
    land(broken, env.landing, "features")
    env.land_features(16)
    env.until(env.ingested, "its acknowledgement")
    assert env.ingests_of("features", 15) == ["blocked"]
    assert env.ingests_of("features", 16) == ["ingested"]
    kept = env.container.store.list("quarantine/ferries/features/2024-03-16")
    assert [len(env.container.store.read(entry.key)) for entry in kept] == [len(whole) // 2]


def test_a_blocked_batch_is_mended_by_a_whole_one_and_a_repeat_is_a_no_op(env: StackEnv) -> None:
    """A whole delivery replaces the blocked one; a repeat of it changes nothing."""
    env.land_features(15)
    env.until(env.ingested, "the mended delivery")
    version = env.container.tables.version("ferries/features")
    env.land_features(15)
    env.until(lambda: not env.ingested(), "a waiting delivery")
    env.until(env.ingested, "the repeated delivery")
    assert env.ingests_of("features", 15) == ["blocked", "ingested", "duplicate"]
    assert env.container.tables.version("ferries/features") == version


def test_a_broken_spec_takes_no_other_model_down(env: StackEnv) -> None:
    """The UI's import errors have file, line and hint; the other DAGs stay."""
    file = env.stack.project / "include/models/broken/model.yaml"
    ferry_project.write(
        file, ferry_project.MODEL.replace("ferry_delay", "broken").replace("task:", "tusk:")
    )

    def errors() -> str:
        found = env.api.get("/importErrors")["import_errors"]
        return "\n".join(one["stack_trace"] for one in found)

    try:
        env.until(lambda: "tusk" in errors(), "an import error")
        assert "include/models/broken/model.yaml:3" in errors()
        assert "did you mean 'task'" in errors()
        dags = {dag["dag_id"] for dag in env.api.get("/dags")["dags"]}
        assert {"ferries__ingest", "ferry_delay__train"} <= dags
        assert not any(name.startswith("broken__") for name in dags)
    finally:
        shutil.rmtree(file.parent)
    env.until(lambda: not errors(), "no import error")


def test_a_training_waits_for_mlflow_and_is_resumed(serving: StackEnv) -> None:
    """The request stays open while the server is down, and is answered after its return."""
    env = serving
    env.stack.processes.stop("mlflow")
    run = env.api.trigger("ferry_delay__train", reason="a test of an outage")
    env.until(
        lambda: (
            env.api.run_state("ferry_delay__train", run) == "failed"
            or any(ti["state"] == "up_for_retry" for ti in env.tasks("ferry_delay__train", run))
        ),
        "a training that meets the outage",
    )
    assert env.last_request().reason == "a test of an outage"
    assert env.last_answer() is None
    env.stack.start_mlflow()
    env.until(
        lambda: env.last_answer() is not None,
        "an answer to the request of the outage",
        seconds=300.0,
    )
    assert env.last_answer() != "failed"


@pytest.mark.parametrize("stage", ["train", "promote_challenger"])
def test_a_training_killed_in_a_stage_is_done_again(serving: StackEnv, stage: str) -> None:
    """The second attempt finishes; the request has one version, or none."""
    env = serving
    before = len(requests.all_requests(env.container.store, "ferry_delay"))
    env.api.trigger("ferry_delay__train", reason=f"killed in {stage}")
    run = f"request-{before + 1:06d}"
    attempt = env.attempt("ferry_delay", run, stage)
    os.kill(attempt["origin"]["pid"], signal.SIGKILL)
    ref = RunRef("ferry_delay", run, stage)
    env.until(lambda: find_record(env.container.store, ref) is not None, "the stage's record")
    env.until(lambda: env.last_answer() is not None, "an answer")
    assert find_failure(env.container.store, ref) is None
    versions = env.versions_of(run)
    assert len(versions) <= 1


def test_a_killed_platform_serves_again_and_loses_nothing(serving: StackEnv) -> None:
    """Requests that were acknowledged before and after are in the store."""
    env = serving
    first = env.ask(12)
    env.kill("platform")
    env.stack.start_platform()
    env.until(lambda: not env.ask(12).failed, "answers")
    second = env.ask(12)
    acknowledged = {*first.acknowledged, *second.acknowledged}

    def all_logged() -> bool:
        logged = env.container.log.read("ferry_delay", None, None, columns=["request_id"])
        return acknowledged <= set(logged["request_id"])

    env.until(all_logged, "all acknowledged requests in the log")


def test_the_ring_resumes_when_airflows_database_is_gone(serving: StackEnv) -> None:
    """Only history is lost: the next delivery is ingested, the old ones are not ingested again."""
    env = serving
    env.until(env.is_at_rest, "the end of rollouts that other tests have begun")
    before = len(env.facts("ferries", "ingest"))
    champion = env.champion()
    env.stop_airflow()
    (env.stack.home / "airflow.db").unlink()
    for rest in Path(env.stack.home).glob("airflow.db-*"):
        rest.unlink()
    env.restart_airflow()
    env.land_features(20)
    env.until(env.ingested, "its acknowledgement")
    assert len(env.facts("ferries", "ingest")) == before + 1
    assert env.champion() == champion
