"""DAGs with `runtime: kubernetes`: the same ring with pod operators, and a reaper."""

from __future__ import annotations

import pytest

from tests.dags.conftest import Parse
from tests.dags.specs import PODS, dataset_file, model_file

RUNS_IN_AIRFLOW = {
    *("claim", "acknowledge", "drift_windows", "performance_windows"),
    *("partitions_to_score", "announce"),
}


def pod_specs() -> dict[str, str]:
    """Files of a dataset, an online model and a batch model, all in pods."""
    return {
        **dataset_file("flights", more=PODS),
        **model_file("delay", more=PODS),
        **model_file("tides", more="deployment: batch\n" + PODS),
    }


def test_a_runtime_changes_the_operators_and_nothing_else(parse: Parse) -> None:
    """Every stage runs in a pod; the other tasks stay and pass small JSON on."""
    from slipway.orchestration.pods.operator import StagePod

    local = {path: text.replace(PODS, "") for path, text in pod_specs().items()}
    for dag_id, dag in parse(local).dags.items():
        pods = parse(pod_specs()).dags[dag_id]
        for task in dag.tasks:
            other = pods.get_task(task.task_id)
            assert other.downstream_task_ids == task.downstream_task_ids
            kind = getattr(other, "operator_class", type(other))
            assert issubclass(kind, StagePod) == (task.task_id not in RUNS_IN_AIRFLOW)
            given, put = (getattr(one, "partial_kwargs", vars(one)) for one in (task, other))
            for name in ("skip_when", "fail_when", "xcom_keys"):
                assert list(given.get(name, ())) == list(put.get(name, ()))


@pytest.mark.parametrize("target", ["local", "kubernetes"])
def test_only_a_rollout_on_a_cluster_may_touch_it(parse: Parse, target: str) -> None:
    """Only pods of a rollout, and of what reads what serves, have a service account token."""
    image = "registry.example/slipway-server:1.0"
    more = f"deployment: {{target: {target}, kubernetes: {{image: {image}}}}}\n" + PODS
    dags = parse({**dataset_file(more=PODS), **model_file(more=more)}).dags
    acting = {
        task.task_id
        for dag in dags.values()
        for task in dag.tasks
        if getattr(task, "partial_kwargs", vars(task)).get("acts_on_cluster")
    }
    steps = {"shift_10", "shift_50"}
    expected = {"reconcile", "verify", "switch", "promote_champion", "collect", "decide"} | steps
    assert acting == (expected if target == "kubernetes" else set())


def test_a_project_in_pods_has_one_reaper(parse: Parse) -> None:
    """It sweeps each namespace once, and is parsed alone when one of its tasks starts."""
    elsewhere = PODS + "  namespace: other\n"
    files = {**pod_specs(), **model_file("seats", more=elsewhere)}
    reaper = parse(files).dags["slipway__reaper"]
    assert set(reaper.task_ids) == {
        "reap_kubernetes_default_slipway_stages",
        "reap_kubernetes_default_other",
    }
    alone = parse(files, file="model_dags.py", starting="slipway__reaper")
    assert set(alone.dags) == {"slipway__reaper"}


def test_without_pods_there_is_nothing_to_reap(parse: Parse) -> None:
    """A project whose stages run in Airflow's tasks has no such DAG."""
    assert "slipway__reaper" not in parse({**dataset_file(), **model_file()}).dags
