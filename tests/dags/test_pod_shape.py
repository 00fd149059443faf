"""The manifest of a stage's pod: rights, limits, names and labels."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import pytest

from slipway.orchestration.pods.key_files import key_files
from slipway.orchestration.pods.shape import attempt_of, command_line, label, pod_name
from slipway.records.store import Store
from slipway.wiring.stage_table import STAGES
from tests.dags.pods import RUN, accepting, built, pod_task
from tests.dags.specs import PODS, model_spec

pytestmark = pytest.mark.usefixtures("shared_store")


def container(**changes: Any) -> dict[str, Any]:
    """The container of a pod."""
    only: dict[str, Any]
    (only,) = built(pod_task(**changes))["spec"]["containers"]
    return only


def test_the_pod_runs_the_same_command_as_the_shell() -> None:
    """The command is `slipway run <stage>` with the task's inputs, in the spec's image."""
    one = container()
    assert one["image"] == "registry.example/slipway-stages:1.0"
    assert one["command"] == ["slipway"]
    expected = ["run", "promote_challenger", "--model", "delay", "--request", "3"]
    assert one["args"][:-2] == expected
    assert one["imagePullPolicy"] == "IfNotPresent"


def test_the_pod_gets_the_key_of_its_outcome() -> None:
    """The key of its outcome is known to its task, one for each try."""
    for attempt in (1, 2):
        args = built(accepting(), attempt=attempt)["spec"]["containers"][0]["args"]
        folder = "outcomes/delay__train/asset__7%2B00%3A00/accept"
        assert args[-2:] == ["--outcome", f"{folder}/try-{attempt}.json"]


def test_each_instance_of_a_mapped_task_has_its_own_pod() -> None:
    """Name, labels and outcome key differ."""
    pods = [built(accepting(), map_index=index) for index in (0, 1)]
    names = [pod["metadata"]["name"] for pod in pods]
    assert names[0].endswith("-0-1")
    assert names[1].endswith("-1-1")
    assert [pod["metadata"]["labels"]["map_index"] for pod in pods] == ["0", "1"]
    assert pods[1]["spec"]["containers"][0]["args"][-1].endswith("/accept-1/try-1.json")


@pytest.mark.parametrize("name", ["MLFLOW", "PLATFORM", "PROMETHEUS_URL"])
def test_no_password_of_an_address_is_in_a_pod(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that may read pods, or Airflow's rendered fields, may read its variables."""
    monkeypatch.setenv(f"SLIPWAY_{name}", "https://ann:p%40ss@tools.example:5000/path")
    built_pod = built(pod_task())
    assert "p%40ss" not in json.dumps(built_pod)
    variables = {one["name"]: one["value"] for one in built_pod["spec"]["containers"][0]["env"]}
    assert variables[f"SLIPWAY_{name}"] == "https://tools.example:5000/path"


def test_the_pod_gets_addresses_and_the_origin(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses that Airflow has, and the origin; no default is invented and no secret passed."""
    monkeypatch.setenv("SLIPWAY_MLFLOW", "http://mlflow.example:5000")
    monkeypatch.setenv("SLIPWAY_PROMETHEUS_URL", "")
    monkeypatch.setenv("SLIPWAY_TOKEN", "a secret")
    variables = {one["name"]: one["value"] for one in container()["env"]}
    assert variables.pop("SLIPWAY_STORE") == shared_store.root
    assert variables.pop("SLIPWAY_MLFLOW") == "http://mlflow.example:5000"
    origin = json.loads(variables.pop("SLIPWAY_ORIGIN"))
    assert (origin["dag_id"], origin["run_id"], origin["by"]) == (
        *("delay__train", RUN),
        "asset_triggered",
    )
    assert origin["host"].startswith("delay-promote-challenger-")
    scratch = "/var/slipway/scratch"
    assert variables == {"HOME": scratch, "SLIPWAY_SCRATCH": scratch}


def test_secrets_come_by_reference() -> None:
    """They come from a ConfigMap and a Secret of the namespace, which may be absent."""
    assert container()["envFrom"] == [
        {"configMapRef": {"name": "slipway-settings", "optional": True}},
        {"secretRef": {"name": "slipway-secrets", "optional": True}},
    ]


@pytest.mark.parametrize(
    ("stage", "holds"),
    [
        *((stage, False) for stage in ("train", "evaluate", "verify", "score", "drift")),
        *((stage, True) for stage in ("reconcile", "shift", "switch", "promote_champion")),
    ],
)
def test_a_stage_that_writes_desired_states_signs_them(stage: str, *, holds: bool) -> None:
    """Where no cluster keeps them; verify, which runs a candidate's code, writes none."""
    pods = model_spec(more=PODS).pods.model_dump() | {"signing_key_secret": "signing-key"}
    for on_cluster in (False, True):
        found = key_files(pods, stage=stage, acts_on_cluster=on_cluster)
        signs = holds and not on_cluster
        assert [one.variable for one in found] == ["SLIPWAY_SIGNING_KEY"] * signs


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_runs_a_model_holds_the_keys_of_personal_columns(stage: str) -> None:
    """As a file that its pod does not start without, and no other stage does."""
    pods = model_spec(more=PODS).pods.model_dump() | {"pii_key_secret": "pii-key"}
    found = key_files(pods, stage=stage, acts_on_cluster=False)
    source = inspect.getsource(STAGES[stage].run)
    runs_a_model = re.search(r"load_package|learner", source) is not None
    assert [one.variable for one in found] == ["SLIPWAY_PII_KEY_FILE"] * runs_a_model
    for one in found:
        assert one.volume.secret.secret_name == "pii-key"
        assert one.path == f"{one.volume_mount.mount_path}/key"


def test_only_a_stage_that_signs_holds_the_signing_key() -> None:
    """Every stage trusts the public keys; both are files that the pod does not start without."""
    pods = {
        **model_spec(more=PODS).pods.model_dump(),
        "signing_key_secret": "signing-key",
        "trusted_keys_config": "trusted-keys",
    }
    for task, holds in ((pod_task(pods=pods), True), (accepting(pods=pods), False)):
        spec = built(task)["spec"]
        (only,) = spec["containers"]
        env = {one["name"]: one["value"] for one in only["env"]}
        mounts = {one["name"]: one for one in only["volumeMounts"]}
        volumes = {one["name"]: one for one in spec["volumes"]}
        assert env["SLIPWAY_TRUSTED_KEYS"] == mounts["trusted-keys"]["mountPath"]
        assert volumes["trusted-keys"]["configMap"]["name"] == "trusted-keys"
        assert ("signing-key" in volumes, "SLIPWAY_SIGNING_KEY" in env) == (holds, holds)
        for name in volumes.keys() & {"trusted-keys", "signing-key"}:
            assert mounts[name]["readOnly"]
            source = volumes[name].get("secret") or volumes[name]["configMap"]
            assert not source.get("optional")
        if holds:
            assert env["SLIPWAY_SIGNING_KEY"] == f"{mounts['signing-key']['mountPath']}/key"
            assert volumes["signing-key"]["secret"]["secretName"] == "signing-key"


def test_the_pod_is_restricted() -> None:
    """It passes the restricted Pod Security standard, and writes to two emptyDirs only."""
    spec = built(pod_task())["spec"]
    assert spec["securityContext"] == {
        "fsGroup": 10001,
        "runAsGroup": 10001,
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert spec["volumes"] == [{"emptyDir": {}, "name": name} for name in ("tmp", "scratch")]
    mounts = {one["name"]: one["mountPath"] for one in container()["volumeMounts"]}
    assert mounts == {"tmp": "/tmp", "scratch": "/var/slipway/scratch"}  # noqa: S108


@pytest.mark.parametrize(
    ("acts", "account"), [(False, "slipway-stages"), (True, "slipway-rollout")]
)
def test_only_what_acts_on_the_cluster_holds_a_token(*, acts: bool, account: str) -> None:
    """Only pods of a rollout on a cluster get a token, of the rollout's account."""
    spec = built(pod_task(acts_on_cluster=acts))["spec"]
    assert spec["automountServiceAccountToken"] is acts
    assert spec["serviceAccountName"] == account


def test_the_pod_is_bounded_and_placed_as_the_spec_says() -> None:
    """Resources, nodes and a deadline; a container never restarts in place."""
    spec = built(pod_task())["spec"]
    amounts = {"cpu": "1", "memory": "2Gi"}
    assert spec["containers"][0]["resources"] == {"requests": amounts, "limits": amounts}
    assert spec["nodeSelector"] == {"disk": "1"}
    assert spec["activeDeadlineSeconds"] == 3600
    assert spec["restartPolicy"] == "Never"


def test_the_pod_has_no_sidecar() -> None:
    """The result is in the store, so no sidecar exports it."""
    spec = built(pod_task())["spec"]
    assert [one["name"] for one in spec["containers"]] == ["base"]
    assert not spec.get("initContainers")
    assert spec["enableServiceLinks"] is False


def test_the_pod_is_named_and_labelled_by_its_work() -> None:
    """The same try has the same name, another try another one; labels find all of them."""
    first, again, second = (built(pod_task(), attempt=attempt) for attempt in (1, 1, 2))
    names = [one["metadata"]["name"] for one in (first, again, second)]
    assert names[0] == names[1] != names[2]
    assert [attempt_of(name) for name in names] == [1, 1, 2]
    labels = second["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "slipway-stage"
    assert labels["app.kubernetes.io/managed-by"] == "slipway"
    assert labels["slipway/model"] == "delay"
    assert labels["slipway/stage"] == "promote_challenger"
    assert labels["slipway/run"] == "request-000003"
    assert labels["try_number"] == "2"
    assert second["metadata"]["namespace"] == "slipway-stages"


def test_a_pod_of_a_dataset_is_labelled_by_it() -> None:
    """Ingest has no model; its run is its DAG's run."""
    inputs = {"dataset": "flights", "stream": "labels", "batch": "2013-05", "file": "landing/x"}
    labels = built(pod_task(task_id="ingest", stage="ingest", inputs=inputs))["metadata"]["labels"]
    assert labels["slipway/dataset"] == "flights"
    assert "slipway/model" not in labels
    assert labels["slipway/run"] == "asset__7-00-00"


def test_two_installations_in_one_namespace_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another store has other names, and labels that match its own pods only."""
    mine = built(pod_task())["metadata"]
    monkeypatch.setenv("SLIPWAY_STORE", "s3://staging/slipway")
    other = built(pod_task())["metadata"]
    assert mine["name"] != other["name"]
    assert mine["labels"]["slipway/installation"] != other["labels"]["slipway/installation"]


def test_names_fit_kubernetes() -> None:
    """At most 63 characters of lower case, digits and dashes, unique also when cut."""
    inputs = {"model": "m" * 60}
    origins = [
        {"dag_id": "d", "run_id": run, "task_id": "drift_", "map_index": index, "try_number": 12}
        for run in ("one", "two")
        for index in (-1, 0, 1000)
    ]
    names = [pod_name(origin, inputs, store_root="s3://b/p") for origin in origins]
    assert len(set(names)) == len(names)
    for name in names:
        assert len(name) <= 63
        assert name.replace("-", "").isalnum()
        assert name == name.lower().strip("-")
        assert attempt_of(name) == 12
    assert label("window-2013-05-06T13:00+00:00-") == "window-2013-05-06T13-00-00-00"
    assert len(label("x" * 100)) == 63


def test_inputs_become_options() -> None:
    """Names are spelled as options; empty values are left out."""
    assert command_line({"model": "delay", "some_thing": 3, "reason": "", "to": None}) == [
        *("--model", "delay"),
        *("--some-thing", "3"),
    ]


def test_stages_that_act_on_a_cluster_are_those_of_a_rollout() -> None:
    """Training and monitoring do not need the cluster's API."""
    with_rights = {row.name for row in STAGES.values() if row.cluster_rights}
    assert not with_rights & {"train", "evaluate", "gate", "score", "drift"}
    assert {"reconcile", "switch"} <= with_rights
