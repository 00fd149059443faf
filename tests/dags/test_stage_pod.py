"""A stage in a pod: its record decides, and the pod may do no more than its stage needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred

from slipway import errors
from slipway.adapters.object_store import open_store
from slipway.orchestration import stage_pod, stage_task
from slipway.orchestration.deploy_dag import deploy_dag
from slipway.orchestration.monitor_dag import monitor_dag
from slipway.orchestration.stage_pod import StagePod, command_line, label, pod_name, run_name
from slipway.orchestration.stage_task import POD_STAGES, StageTask
from slipway.orchestration.train_dag import train_dag
from slipway.records.runs import Attempt, RunRef, Verdict, perform
from slipway.records.store import Store
from tests.dags.specs import PODS, model_spec
from tests.fakes.airflow import FakeInstance, FakeRun, task_context

EVENT = {"status": "success", "name": "pod", "namespace": "slipway", "message": ""}
GATED = Verdict("refused", "0.68 does not beat 0.70", {"roc_auc": 0.68})
REF = RunRef("delay", "request-000003", "promote_challenger")


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that tasks and pods share, in a task that finds no connections in Airflow."""
    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(stage_task, "fill_environment", lambda: None)
    return open_store(str(tmp_path / "store"))


def pod_task(**changes: Any) -> StagePod:
    """The task that promotes the challenger of request 3."""
    arguments = {
        "task_id": "promote_challenger",
        "stage": "promote_challenger",
        "inputs": {"model": "delay", "request": "3"},
        "pods": model_spec(more=PODS).pods.model_dump(),
        **changes,
    }
    return StagePod(**arguments)


def context(instance: FakeInstance | None = None) -> Context:
    """A task's context in the third try of an asset-triggered run."""
    run = FakeRun("asset__7", "asset_triggered")
    return task_context(train_dag(model_spec()), run=run, instance=instance)


def finish(store: Store) -> None:
    """Leave the record that a pod leaves."""
    perform(store, REF, lambda _: GATED, inputs={}, origin={})


def fail(store: Store, error: Exception) -> None:
    """Leave the failure that a pod leaves."""

    def work(_: Attempt) -> Verdict:
        raise error

    with pytest.raises(type(error)):
        perform(store, REF, work, inputs={}, origin={})


def the_pod_ends(monkeypatch: pytest.MonkeyPatch, error: BaseException | None) -> None:
    """Let Airflow's own operator end the pod in some way."""

    def trigger_reentry(*_: object) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(KubernetesPodOperator, "trigger_reentry", trigger_reentry)


def built(task: StagePod, *, attempt: int = 1) -> dict[str, Any]:
    """The pod as Kubernetes is sent it."""
    from kubernetes.client import ApiClient

    instance = FakeInstance(task_id=task.task_id, try_number=attempt)
    pod = task.build_pod_request_obj(context(instance), dry_run=True)
    sent: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)
    return sent


def test_the_pod_runs_the_same_command_as_the_shell(harbour: Store) -> None:
    """`slipway run <stage>` with the task's inputs, in the spec's image."""
    del harbour
    container = built(pod_task())["spec"]["containers"][0]
    assert container["image"] == "registry.example/slipway-stages:1.0"
    assert container["command"] == ["slipway"]
    expected = ["run", "promote_challenger", "--model", "delay", "--request", "3"]
    assert container["args"] == expected
    assert container["imagePullPolicy"] == "IfNotPresent"


def test_the_pod_knows_where_things_are_and_who_runs_it(harbour: Store) -> None:
    """Addresses and origin travel in the environment; nothing secret does."""
    task = pod_task()
    task.origin = {"dag_id": "delay__train", "by": "alice"}
    variables = {one["name"]: one["value"] for one in built(task)["spec"]["containers"][0]["env"]}
    assert variables["SLIPWAY_STORE"] == harbour.root
    assert json.loads(variables["SLIPWAY_ORIGIN"]) == {"by": "alice", "dag_id": "delay__train"}
    expected = {"SLIPWAY_MLFLOW", "SLIPWAY_ORIGIN", "SLIPWAY_PLATFORM", "SLIPWAY_STORE"}
    assert set(variables) == expected


def test_the_pod_is_restricted(harbour: Store) -> None:
    """It passes the restricted Pod Security standard and holds no token of the cluster."""
    del harbour
    spec = built(pod_task())["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = spec["containers"][0]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == "slipway-stages"


def test_the_pod_is_bounded_and_placed_as_the_spec_says(harbour: Store) -> None:
    """Resources, nodes and a deadline; it is never restarted in place."""
    del harbour
    spec = built(pod_task())["spec"]
    amounts = {"cpu": "1", "memory": "2Gi"}
    assert spec["containers"][0]["resources"] == {"requests": amounts, "limits": amounts}
    assert spec["nodeSelector"] == {"disk": "1"}
    assert spec["activeDeadlineSeconds"] == 3600
    assert spec["restartPolicy"] == "Never"


def test_the_pod_has_no_sidecar(harbour: Store) -> None:
    """Its result is the record, so nothing has to carry it out of the pod."""
    del harbour
    spec = built(pod_task())["spec"]
    assert [one["name"] for one in spec["containers"]] == ["base"]
    assert not spec.get("initContainers")


def test_the_pod_is_named_and_labelled_by_its_work(harbour: Store) -> None:
    """The same try has the same name, another try another one; labels find all of them."""
    del harbour
    first, again, second = (built(pod_task(), attempt=attempt) for attempt in (1, 1, 2))
    names = [one["metadata"]["name"] for one in (first, again, second)]
    assert names[0] == names[1] != names[2]
    labels = second["metadata"]["labels"]
    assert labels["slipway/model"] == "delay"
    assert labels["slipway/stage"] == "promote_challenger"
    assert labels["slipway/run"] == "request-000003"
    assert labels["try_number"] == "2"
    assert second["metadata"]["namespace"] == "slipway"


def test_names_fit_kubernetes() -> None:
    """At most 63 characters of lower case, digits and dashes, distinct also when cut."""
    long = [RunRef("m" * 60, f"window-2013-W19-v{version}", "drift") for version in (1, 2)]
    names = [pod_name(ref, attempt=1) for ref in long]
    assert names[0] != names[1]
    for name in [*names, pod_name(RunRef("a_b", "window-2013-05-06T13-v2", "drift"), attempt=12)]:
        assert len(name) <= 63
        assert name.replace("-", "").isalnum()
        assert name == name.lower().strip("-")
    assert label("window-2013-05-06T13:00+00:00-") == "window-2013-05-06T13-00-00-00"
    assert len(label("x" * 100)) == 63


@pytest.mark.parametrize(
    ("inputs", "run"),
    [
        ({"model": "delay", "request": "3"}, "request-000003"),
        ({"model": "delay", "rollout": "rollout-7"}, "rollout-7"),
        ({"model": "delay", "window": "2013-05-v3"}, "window-2013-05-v3"),
        (
            {"model": "delay", "partition": "2013-05", "scoring": "score-2013-05-v3"},
            "score-2013-05-v3",
        ),
    ],
)
def test_the_record_is_found_by_the_inputs(inputs: dict[str, str], run: str) -> None:
    """The task knows where the record will be before the pod starts."""
    assert run_name(inputs) == run


def test_inputs_become_options() -> None:
    """Names in the shell's spelling."""
    assert command_line({"model": "delay", "some_thing": 3}) == [
        *("--model", "delay"),
        *("--some-thing", "3"),
    ]


def test_a_finished_record_needs_no_pod(harbour: Store) -> None:
    """A repeat returns the record; Kubernetes is not even asked."""
    finish(harbour)
    instance = FakeInstance()
    pod_task().execute(context(instance))
    assert instance.pushed["return_value"]["reason"] == GATED.reason


def test_the_record_ends_the_task_as_a_local_one(
    harbour: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fail_when` and `skip_when` hold wherever the stage ran."""
    finish(harbour)
    the_pod_ends(monkeypatch, None)
    with pytest.raises(AirflowFailException, match=GATED.reason):
        pod_task(fail_when=["refused"]).trigger_reentry(context(), EVENT)


def test_a_record_outweighs_a_pod_that_ended_badly(
    harbour: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod may be evicted after its work was committed."""
    finish(harbour)
    the_pod_ends(monkeypatch, AirflowException("evicted"))
    instance = FakeInstance()
    pod_task().trigger_reentry(context(instance), EVENT)
    assert instance.pushed["return_value"]["action"] == "refused"


@pytest.mark.parametrize("ended", [None, AirflowException("exit code 1")])
def test_the_stages_own_error_is_raised_here(
    harbour: Store, monkeypatch: pytest.MonkeyPatch, ended: Exception | None
) -> None:
    """So the retry policy judges a pod's failure like a local one."""
    fail(harbour, errors.CommitConflict("another writer committed first"))
    the_pod_ends(monkeypatch, ended)
    with pytest.raises(errors.CommitConflict, match="another writer committed first"):
        pod_task().trigger_reentry(context(), EVENT)


def test_a_fault_of_the_stage_is_named(harbour: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is none of ours keeps its kind and its words."""
    fail(harbour, ZeroDivisionError("division by zero"))
    the_pod_ends(monkeypatch, None)
    with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero"):
        pod_task().trigger_reentry(context(), EVENT)


def test_a_pod_that_left_nothing_is_tried_again(
    harbour: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status zero without a record is no result."""
    del harbour
    the_pod_ends(monkeypatch, None)
    with pytest.raises(errors.Transient, match="ended without a record"):
        pod_task().trigger_reentry(context(), EVENT)


def test_an_error_of_the_cluster_stays_what_it_is(
    harbour: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was reported by the stage, so the cluster's own words are kept."""
    del harbour
    the_pod_ends(monkeypatch, AirflowException("image not found"))
    with pytest.raises(AirflowException, match="image not found"):
        pod_task().trigger_reentry(context(), EVENT)


def test_a_pod_that_still_runs_stays_deferred(
    harbour: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deferring again is not a failure."""
    del harbour
    from datetime import timedelta

    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

    again = TaskDeferred(trigger=TimeDeltaTrigger(timedelta(1)), method_name="trigger_reentry")
    the_pod_ends(monkeypatch, again)
    with pytest.raises(TaskDeferred):
        pod_task().trigger_reentry(context(), EVENT)


def test_pods_run_every_stage_whose_record_can_be_found() -> None:
    """Runtime changes the operator of a task, and nothing else of the DAG."""
    for build in (train_dag, deploy_dag, monitor_dag):
        local, pods = build(model_spec()), build(model_spec(more=PODS))
        assert {task.task_id: task.downstream_task_ids for task in local.tasks} == {
            task.task_id: task.downstream_task_ids for task in pods.tasks
        }
        kinds = {task.task_id: getattr(task, "operator_class", type(task)) for task in pods.tasks}
        stages = {name: "shift" if name.startswith("shift_") else name for name in kinds}
        assert {stages[name] for name, kind in kinds.items() if kind is StagePod} == (
            POD_STAGES & set(stages.values())
        )
        for task in local.tasks:
            ending = {"skip_when", "fail_when", "hand_on"}
            if isinstance(task, StageTask):
                other = pods.get_task(task.task_id)
                assert {name: getattr(task, name) for name in ending} == {
                    name: getattr(other, name) for name in ending
                }


def test_a_pod_takes_one_step_and_its_record_is_that_steps(harbour: Store) -> None:
    """Two steps of a rollout are two pieces of work."""
    del harbour
    inputs = {"model": "delay", "rollout": "rollout-000001", "step": 10}
    task = pod_task(task_id="shift_10", stage="shift", inputs=inputs)
    assert task.ref == RunRef("delay", "rollout-000001", "shift_10")
    assert command_line(task.inputs)[-2:] == ["--step", "10"]


def test_pods_outlive_their_worker() -> None:
    """A pod is watched by the triggerer, and found again after a restart."""
    task = pod_task()
    assert (task.deferrable, task.durable, task.do_xcom_push) == (True, True, False)
    assert stage_pod.StagePod.template_fields[-1] == "inputs"
