"""Kills, outages and bad input on a real Airflow: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import psutil
import pytest

from slipway.local.demo.year import land
from slipway.records import requests
from slipway.records.attempts import find_failure
from slipway.records.run_records import RunRef, find_record
from slipway.records.store import read_json
from tests.e2e import ferries
from tests.e2e.conftest import House

pytestmark = pytest.mark.timeout(600)


def test_a_file_that_lands_while_the_dag_is_paused_is_ingested_later(house: House) -> None:
    """Airflow drops the trigger's event; the store still says what waits."""
    house.api.patch("/dags/ferries__ingest", {"is_paused": True})
    house.land_features(10)
    house.until(lambda: not house.ingested(), "a waiting delivery")
    house.api.patch("/dags/ferries__ingest", {"is_paused": False})
    house.until(house.ingested, "its acknowledgement")
    assert house.ingests_of("features", 10) == ["ingested"]


def test_a_killed_triggerer_loses_no_file(house: House) -> None:
    """The file lands while nobody watches; the next triggerer's trigger fires for it."""
    house.kill("triggerer")
    house.land_features(11)
    house.stack.start_airflow("triggerer")
    house.until(house.ingested, "its acknowledgement")
    assert house.ingests_of("features", 11) == ["ingested"]


def test_a_killed_scheduler_loses_no_run(house: House) -> None:
    """Its successor takes the work up where it lay."""
    house.land_features(12)
    house.kill("scheduler")
    house.stack.start_airflow("scheduler")
    house.until(house.ingested, "its acknowledgement")
    assert house.ingests_of("features", 12) == ["ingested"]


def test_an_ingest_killed_in_the_middle_is_done_again(house: House) -> None:
    """The second attempt publishes the batch; its rows are there once."""
    house.land_features(13)
    attempt = house.attempt("ferries", "features-2024-03-14", "ingest")
    os.kill(attempt["origin"]["pid"], signal.SIGKILL)
    house.until(house.ingested, "its acknowledgement")
    rows = house.container.tables.read("ferries/features", columns=["crossing", "_batch"])
    assert (rows["_batch"] == "2024-03-14").sum() == ferries.ROWS_A_DAY
    assert rows["crossing"].is_unique


def test_a_task_that_outlives_its_worker_may_not_commit(house: House) -> None:
    """Airflow gives it up and starts another; what the first one does later is refused."""
    house.land_features(14)
    attempt = house.attempt("ferries", "features-2024-03-15", "ingest")
    task = psutil.Process(attempt["origin"]["pid"])
    worker = task.parent()
    worker.kill()
    # A process that is stopped when its parent dies is sent a SIGHUP, so this comes first.
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.001)
    task.suspend()
    house.until(house.ingested, "the second attempt", seconds=240.0)
    task.resume()
    ref = house.ref("ferries", "features-2024-03-15", "ingest")
    psutil.wait_procs([task], timeout=60)
    first = f"{ref.folder}/attempt-0001.failed.json"
    house.until(lambda: house.container.store.exists(first), "the refusal of the first attempt")
    assert read_json(house.container.store, first)["kind"] == "Superseded"
    record = find_record(house.container.store, ref)
    assert record is not None
    assert record.attempt == 2


def test_a_truncated_delivery_is_blocked_and_kept(house: House) -> None:
    """Its verdict says why, its bytes lie in quarantine, and the next delivery is not held up."""
    whole = ferries.features_file(house.files, 15).read_bytes()
    broken = house.files / "broken" / "2024-03-16.parquet"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_bytes(whole[: len(whole) // 2])
    land(broken, house.landing, "features")
    house.land_features(16)
    house.until(house.ingested, "its acknowledgement")
    assert house.ingests_of("features", 15) == ["blocked"]
    assert house.ingests_of("features", 16) == ["ingested"]
    kept = house.container.store.list("quarantine/ferries/features/2024-03-16")
    assert [len(house.container.store.read(entry.key)) for entry in kept] == [len(whole) // 2]


def test_a_blocked_batch_is_mended_by_a_whole_one_and_a_repeat_is_a_no_op(house: House) -> None:
    """A whole delivery mends what was blocked; the same once more changes nothing."""
    house.land_features(15)
    house.until(house.ingested, "the mended delivery")
    version = house.container.tables.version("ferries/features")
    house.land_features(15)
    house.until(lambda: not house.ingested(), "a waiting delivery")
    house.until(house.ingested, "the repeated delivery")
    assert house.ingests_of("features", 15) == ["blocked", "ingested", "duplicate"]
    assert house.container.tables.version("ferries/features") == version


def test_a_broken_spec_takes_no_other_model_down(house: House) -> None:
    """The UI's import errors say file, line and hint; the other DAGs live."""
    file = house.stack.project / "include/models/broken/model.yaml"
    ferries.write(file, ferries.MODEL.replace("ferry_delay", "broken").replace("task:", "tusk:"))

    def errors() -> str:
        found = house.api.get("/importErrors")["import_errors"]
        return "\n".join(one["stack_trace"] for one in found)

    try:
        house.until(lambda: "tusk" in errors(), "an import error")
        assert "include/models/broken/model.yaml:3" in errors()
        assert "did you mean 'task'" in errors()
        dags = {dag["dag_id"] for dag in house.api.get("/dags")["dags"]}
        assert {"ferries__ingest", "ferry_delay__train"} <= dags
        assert not any(name.startswith("broken__") for name in dags)
    finally:
        shutil.rmtree(file.parent)
    house.until(lambda: not errors(), "no import error")


def test_a_training_waits_for_mlflow_and_is_resumed(serving: House) -> None:
    """The request stays open while the server is down, and is answered once it is back."""
    house = serving
    house.stack.processes.stop("mlflow")
    run = house.api.trigger("ferry_delay__train", reason="a test of an outage")
    house.until(
        lambda: (
            house.api.run_state("ferry_delay__train", run) == "failed"
            or any(ti["state"] == "up_for_retry" for ti in house.tasks("ferry_delay__train", run))
        ),
        "a training that meets the outage",
    )
    house.stack.start_mlflow()
    house.until(
        lambda: house.last_answer() is not None,
        "an answer to the request of the outage",
        seconds=300.0,
    )
    assert house.last_request().reason == "a test of an outage"
    assert house.last_answer() != "failed"


@pytest.mark.parametrize("stage", ["train", "promote_challenger"])
def test_a_training_killed_in_a_stage_is_done_again(serving: House, stage: str) -> None:
    """The second attempt finishes; there is one version for the request, or none."""
    house = serving
    before = len(requests.all_requests(house.container.store, "ferry_delay"))
    house.api.trigger("ferry_delay__train", reason=f"killed in {stage}")
    run = f"request-{before + 1:06d}"
    attempt = house.attempt("ferry_delay", run, stage)
    os.kill(attempt["origin"]["pid"], signal.SIGKILL)
    ref = RunRef("ferry_delay", run, stage)
    house.until(lambda: find_record(house.container.store, ref) is not None, "the stage's record")
    house.until(lambda: house.last_answer() is not None, "an answer")
    assert find_failure(house.container.store, ref) is None
    versions = house.versions_of(run)
    assert len(versions) <= 1


def test_a_killed_platform_serves_again_and_loses_nothing(serving: House) -> None:
    """What was acknowledged before and after is in the store."""
    house = serving
    first = house.ask(12)
    house.kill("platform")
    house.stack.start_platform()
    house.until(lambda: not house.ask(12).failed, "answers")
    second = house.ask(12)
    acknowledged = {*first.acknowledged, *second.acknowledged}

    def all_logged() -> bool:
        logged = house.container.log.read("ferry_delay", None, None, columns=["request_id"])
        return acknowledged <= set(logged["request_id"])

    house.until(all_logged, "all acknowledged requests in the log")


def test_the_ring_resumes_when_airflows_database_is_gone(serving: House) -> None:
    """Nothing but history is lost: the next delivery goes through, the old ones not again."""
    house = serving
    house.until(house.is_at_rest, "the end of rollouts that other tests have begun")
    before = len(house.facts("ferries", "ingest"))
    champion = house.champion()
    house.stop_airflow()
    (house.stack.home / "airflow.db").unlink()
    for rest in Path(house.stack.home).glob("airflow.db-*"):
        rest.unlink()
    house.restart_airflow()
    house.land_features(20)
    house.until(house.ingested, "its acknowledgement")
    assert len(house.facts("ferries", "ingest")) == before + 1
    assert house.champion() == champion
