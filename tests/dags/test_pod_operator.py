"""A stage in a pod: its record in the store decides, never its log or exit code."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskDeferred,
)
from kubernetes.client import ApiException

from slipway.records import ledger
from slipway.records.idempotent_stage import perform
from slipway.records.outcomes import keep_outcome
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.wiring.stage_table import find_stage
from tests.dags.pods import (
    GATED,
    REF,
    accepting,
    built,
    context,
    event,
    instance_of,
    key_of,
    pod_task,
    the_pod_ends,
)

ACCEPTED = Verdict("accept", "enough new labels", {"request": 3})


def finish(store: Store) -> None:
    """Store the record that a pod writes."""
    perform(RunContext(store, {}), REF, lambda _: GATED, inputs={})


@pytest.fixture
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a pod is requested."""

    def execute(*_: object) -> None:
        pytest.fail("a pod was asked for")

    monkeypatch.setattr(KubernetesPodOperator, "execute", execute)


@pytest.mark.parametrize(
    ("stage", "inputs", "run"),
    [
        ("train", {"model": "delay", "request": "3"}, "request-000003"),
        ("answer", {"model": "delay", "request": "3"}, None),
        ("verify", {"model": "delay", "rollout": "rollout-7"}, "rollout-7"),
        ("drift", {"model": "delay", "window": "2013-05-v3"}, "window-2013-05-v3"),
        (
            "score",
            {"model": "delay", "partition": "2013-05", "scoring": "score-2013-05-v3"},
            "score-2013-05-v3",
        ),
    ],
)
def test_the_record_is_found_by_the_inputs(
    stage: str, inputs: dict[str, str], run: str | None
) -> None:
    """The task computes the record's run before the pod starts."""
    assert find_stage(stage).recorded_run(inputs) == run


def test_two_steps_of_a_rollout_are_two_pieces_of_work(shared_store: Store) -> None:
    """Each is recorded under its task's id."""
    del shared_store
    inputs = {"model": "delay", "rollout": "rollout-000001", "step": 10}
    task = pod_task(task_id="shift_10", stage="shift", inputs=inputs)
    assert task.ref == RunRef("delay", "rollout-000001", "shift_10")
    assert "--step 10" in " ".join(built(task)["spec"]["containers"][0]["args"])


@pytest.mark.usefixtures("no_cluster")
def test_a_finished_record_needs_no_pod(shared_store: Store) -> None:
    """A repeat returns the record without a request to Kubernetes."""
    finish(shared_store)
    task = pod_task()
    instance = instance_of(task, attempt=2)
    task.execute(context(instance))
    assert instance.pushed["return_value"]["reason"] == GATED.reason


@pytest.mark.usefixtures("no_cluster")
def test_a_record_that_missed_the_ledger_is_entered(shared_store: Store) -> None:
    """A pod may be killed between record and ledger entry; the task enters the record."""
    finish(shared_store)
    for entry in [*shared_store.list("ledger"), *shared_store.list(REF.folder)]:
        if not entry.key.endswith(("record.json", "attempt-0001.json")):
            shared_store.delete(entry.key)
    assert ledger.length(shared_store, "delay") == 0
    pod_task().execute(context(instance_of(pod_task())))
    assert ledger.length(shared_store, "delay") == 1


@pytest.mark.usefixtures("no_cluster")
def test_what_this_try_decided_needs_no_pod(shared_store: Store) -> None:
    """A worker may die after its pod has ended; the next one reads the outcome."""
    task = accepting(xcom_keys=["request"])
    keep_outcome(shared_store, key_of(task, attempt=2), ACCEPTED)
    instance = instance_of(task, attempt=2)
    task.execute(context(instance))
    assert instance.pushed["request"] == 3


def test_what_an_earlier_try_decided_is_decided_again(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person cleared the task, so the stage runs again."""
    asked = []
    monkeypatch.setattr(KubernetesPodOperator, "execute", lambda *_: asked.append("a pod"))
    task = accepting()
    keep_outcome(shared_store, key_of(task, attempt=1), ACCEPTED)
    task.execute(context(instance_of(task, attempt=2)))
    assert asked == ["a pod"]


def test_a_pod_of_an_earlier_try_may_end_a_later_one(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new worker watches the same pod and takes its outcome."""
    task = accepting(skip_when=["nothing"])
    keep_outcome(shared_store, key_of(task, attempt=1), Verdict("nothing", "no request"))
    the_pod_ends(monkeypatch, None)
    with pytest.raises(AirflowSkipException, match="no request"):
        task.trigger_reentry(context(instance_of(task, attempt=2)), event(task, attempt=1))


def test_the_record_ends_the_task_as_a_local_one(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fail_when` and `skip_when` apply to pods and to local stages."""
    finish(shared_store)
    the_pod_ends(monkeypatch, None)
    task = pod_task(fail_when=["refused"])
    with pytest.raises(AirflowFailException, match=GATED.reason):
        task.trigger_reentry(context(instance_of(task)), event(task))


@pytest.mark.parametrize("problem", [AirflowException("evicted"), ApiException(status=500)])
def test_a_record_outweighs_a_pod_that_ended_badly(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    """A pod may be evicted after its commit, and the API be down meanwhile."""
    finish(shared_store)
    the_pod_ends(monkeypatch, problem)
    task = pod_task()
    instance = instance_of(task)
    task.trigger_reentry(context(instance), event(task))
    assert instance.pushed["return_value"]["action"] == "refused"


def test_a_pod_that_still_runs_stays_deferred(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second deferral is not a failure."""
    del shared_store
    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

    again = TaskDeferred(trigger=TimeDeltaTrigger(timedelta(1)), method_name="trigger_reentry")
    the_pod_ends(monkeypatch, again)
    task = pod_task()
    with pytest.raises(TaskDeferred):
        task.trigger_reentry(context(instance_of(task)), event(task))


def test_pods_outlive_their_worker() -> None:
    """The triggerer watches a pod, a new worker finds it again, and it is killed with its task."""
    task = pod_task()
    assert (task.deferrable, task.durable, task.do_xcom_push) == (True, True, False)
    assert (task.on_finish_action.value, task.on_kill_action.value) == (
        *("delete_succeeded_pod",),
        "delete_pod",
    )
    assert task.template_fields[-1] == "inputs"


def test_airflow_waits_longer_than_the_pod_may_take() -> None:
    """Time for a node, an image and the work; the spec's limits end the pod, not Airflow's."""
    pods = {**pod_task().pods, "startup_seconds": 900, "deadline_seconds": 14400}
    task = pod_task(pods=pods, execution_timeout=timedelta(hours=2))
    assert task.execution_timeout == timedelta(seconds=2 * 900 + 14400 + 600)
    kept = pod_task(execution_timeout=timedelta(hours=9)).execution_timeout
    assert kept == timedelta(hours=9)
