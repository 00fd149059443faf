"""One stage as one task, whose verdict decides how the task ends."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

import slipway
from slipway.errors import BadParameter, Permanent, StoreUnavailable
from slipway.orchestration import task_setup
from slipway.orchestration.stage_task import StageTask
from slipway.orchestration.task_outcome import end_task
from slipway.orchestration.task_setup import set_up_task
from slipway.orchestration.train_dag import train_dag
from slipway.records.outcomes import Listing, Outcome
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.verdicts import Verdict
from tests.dags.specs import model_spec
from tests.fakes.airflow import FakeInstance, FakeRun, FakeTask, task_context
from tests.fakes.wiring import FakeWiring

VERDICT = Verdict(
    "promote", "0.74 beats 0.70", {"roc_auc": 0.74, "request": 3}, {"report": "s3://x"}
)


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> FakeWiring:
    """A fake of the stages, in a task that finds no connections in Airflow."""
    fake = FakeWiring()
    monkeypatch.setitem(sys.modules, "slipway.wiring", fake)
    monkeypatch.setattr(slipway, "wiring", fake, raising=False)
    monkeypatch.setattr(task_setup, "fill_environment", lambda: None)
    return fake


def ended(verdict: Outcome, **task: Any) -> tuple[dict[str, Any], Any]:
    """XComs and outlet event of a task that concluded with a verdict."""
    instance, outlet = FakeInstance(), Asset("delay_challenger")
    context = task_context(train_dag(model_spec()), instance=instance, outlets=(outlet,))
    end_task(FakeTask(outlets=(outlet,), **task), context, verdict)
    return instance.pushed, context["outlet_events"][outlet].extra


def test_the_verdict_is_what_the_task_hands_on() -> None:
    """The same value is in the store, in XCom and in the asset's event."""
    pushed, event = ended(VERDICT)
    assert pushed == {"return_value": VERDICT.to_json()}
    assert event == {
        "action": "promote",
        "reason": "0.74 beats 0.70",
        "numbers": {"roc_auc": 0.74, "request": 3},
    }


def test_numbers_that_later_tasks_need_travel_by_name() -> None:
    """A request's number is pushed beside the verdict."""
    pushed, _ = ended(VERDICT, xcom_keys=("request",))
    assert pushed["request"] == 3


def test_the_run_of_a_record_travels_like_a_number() -> None:
    """The stages of a rollout refer to it by its run."""
    record = RunRecord(RunRef("delay", "rollout-000007", "reconcile"), 1, VERDICT, {}, {}, "", "")
    pushed, _ = ended(record, xcom_keys=("run",))
    assert pushed["run"] == "rollout-000007"


def test_a_verdict_without_a_needed_number_is_a_fault() -> None:
    """The task fails, so that no later task runs with a guess."""
    with pytest.raises(Permanent, match="the result of gate lacks a value"):
        ended(VERDICT, xcom_keys=("rollout",))


def test_nothing_follows_a_verdict_that_skips() -> None:
    """The reason is in the exception, and so in the last line of the log."""
    with pytest.raises(AirflowSkipException, match=r"promote: 0\.74 beats 0\.70"):
        ended(VERDICT, skip_when=("promote",), xcom_keys=("rollout",))


def test_a_verdict_that_fails_is_visible_and_final() -> None:
    """Airflow does not retry it, since a repeat would find the same record."""
    with pytest.raises(AirflowFailException, match=r"promote: 0\.74 beats 0\.70"):
        ended(VERDICT, fail_when=("promote",))


def test_a_verdict_is_pushed_also_when_its_task_skips_or_fails() -> None:
    """The UI shows the reason."""
    for ending in ("skip_when", "fail_when"):
        instance = FakeInstance()
        context = task_context(train_dag(model_spec()), instance=instance)
        with pytest.raises((AirflowSkipException, AirflowFailException)):
            end_task(FakeTask(**{ending: ("promote",)}), context, VERDICT)
        assert instance.pushed["return_value"]["reason"] == "0.74 beats 0.70"


def test_a_verdict_that_is_too_large_does_not_travel() -> None:
    """It is refused before Airflow stores anything."""
    with pytest.raises(Permanent, match="the verdict of gate is too large"):
        ended(Verdict("promote", "x" * 9000))


def test_the_log_tells_the_verdict_in_words(caplog: pytest.LogCaptureFixture) -> None:
    """Action, reason, every number and the place of the record."""
    with caplog.at_level("INFO"):
        ended(VERDICT)
    assert "gate: promote. 0.74 beats 0.70" in caplog.text
    assert "number roc_auc = 0.74" in caplog.text
    assert "evidence report = s3://x" in caplog.text


def test_the_stage_is_given_its_inputs_and_who_runs_it(wiring: FakeWiring) -> None:
    """The origin has DAG, run, try and host; a template's text becomes a number."""
    task = StageTask(task_id="train", stage="train", inputs={"model": "delay", "request": "3"})
    run = FakeRun("asset__7", "asset_triggered")
    instance = FakeInstance(task_id="train", try_number=2)
    task.execute(task_context(train_dag(model_spec()), instance=instance, run=run))
    assert wiring.asked == [("train", {"model": "delay", "request": 3})]
    assert wiring.origins == [
        {
            "dag_id": "delay__train",
            "run_id": "asset__7",
            "task_id": "train",
            "map_index": -1,
            "try_number": 2,
            "by": "asset_triggered",
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }
    ]


def test_an_error_of_the_stage_reaches_the_retry_policy_as_it_is(wiring: FakeWiring) -> None:
    """The task adds nothing that hides its class."""
    wiring.verdicts = {"train": StoreUnavailable("no answer")}
    task = StageTask(task_id="train", stage="train", inputs={"model": "delay"})
    with pytest.raises(StoreUnavailable, match="no answer"):
        task.execute(task_context(train_dag(model_spec())))


def test_a_person_is_named_as_origin(wiring: FakeWiring) -> None:
    """Airflow records the person who started the run."""
    del wiring
    context = task_context(train_dag(model_spec()), run=FakeRun(triggering_user_name="alice"))
    assert set_up_task(context)["by"] == "alice"


def test_an_unknown_parameter_ends_the_first_task(wiring: FakeWiring) -> None:
    """No stage runs for a run with an unknown parameter."""
    dag = train_dag(model_spec())
    context = task_context(dag, run=FakeRun(conf={"reson": "because"}))
    with pytest.raises(BadParameter, match="did you mean 'reason'"):
        dag.get_task("accept").execute(context)
    assert wiring.asked == []


def test_what_is_empty_is_not_handed_to_a_stage(wiring: FakeWiring) -> None:
    """A template renders an empty field as an empty text, which is left out."""
    inputs = {"model": "tides", "partition": "", "first": "2013-04", "last": None}
    task = StageTask(task_id="partitions", stage="partitions", inputs=inputs)
    task.execute(task_context(train_dag(model_spec())))
    assert wiring.asked == [("partitions", {"model": "tides", "first": "2013-04"})]


def test_a_listing_hands_on_as_much_as_may_travel() -> None:
    """The verdict counts everything; the rest is listed again by the next run."""
    windows = [{"model": "delay", "window": f"2013-05-01T{n:04d}-v1"} for n in range(1000)]
    listing = Listing(Verdict("collected", "due", {"drift": 1000}), {"drift": windows})
    pushed, _ = ended(listing, xcom_keys=("drift",))
    assert pushed["return_value"]["numbers"] == {"drift": 1000}
    assert 0 < len(pushed["drift"]) < 1000
    assert pushed["drift"] == windows[: len(pushed["drift"])]
