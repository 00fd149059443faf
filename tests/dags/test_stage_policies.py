"""Policies on the pods of stages: those that Airflow makes are admitted, and no others."""

from __future__ import annotations

import pytest

from slipway.wiring.stage_table import STAGES
from tests.dags.gate_pods import IMAGE, REPOSITORY
from tests.dags.pods import built, pod_task
from tests.dags.policed_stages import (
    AUDIENCE,
    MLFLOW,
    STORE,
    container,
    label,
    pod_of,
    reads_from,
    spec,
    variable,
    volume,
)
from tests.dags.specs import PODS, model_spec
from tests.support.policed_objects import (
    AIRFLOW,
    ROLLOUT,
    STAGES_ACCOUNT,
    Change,
    Manifest,
    PolicedObjects,
    changed,
)

ROLLOUT_STAGES = {name for name, row in STAGES.items() if row.cluster_rights}


@pytest.fixture(scope="module")
def policed() -> PolicedObjects:
    """The base with settings in the namespace of stages."""
    made = PolicedObjects(IMAGE)
    # Without Pod Security, which refuses a part of the attacks before a policy is asked.
    made.objects.change("Namespace", "", "slipway-stages", _unrestricted)
    settings = {"SLIPWAY_STORE": STORE, "SLIPWAY_MLFLOW": MLFLOW}
    meta = {"name": "slipway-settings", "namespace": "slipway-stages"}
    made.objects.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": settings}
    )
    return made


def _unrestricted(namespace: Manifest) -> None:
    labels = namespace["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        del labels[f"pod-security.kubernetes.io/{mode}"]


@pytest.fixture(autouse=True)
def _addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_STORE", STORE)
    monkeypatch.setenv("SLIPWAY_MLFLOW", MLFLOW)


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_every_stage_is_admitted_as_airflow_makes_it(policed: PolicedObjects, stage: str) -> None:
    """With the rollout's account where its stages act on a cluster, and without it."""
    for acts in {False, stage in ROLLOUT_STAGES}:
        policed.create(pod_of(stage, acts=acts), user=AIRFLOW)


def second_container(pod: Manifest) -> None:
    """A further container of the same image."""
    pod["spec"]["containers"].append({**pod["spec"]["containers"][0], "name": "second"})


def argument(pod: Manifest) -> None:
    """Another stage than the label's."""
    pod["spec"]["containers"][0]["args"][1] = "promote_champion"


EXEC = {"exec": {"command": ["sh", "-c", "id"]}}
ATTACKS: dict[str, tuple[Change, str]] = {
    "the rollout's account": (
        spec(serviceAccountName="slipway-rollout", automountServiceAccountToken=True),
        "only a stage of a rollout has the rollout's account",
    ),
    "Airflow's own account": (
        spec(serviceAccountName="default"),
        "a stage has an account of stages",
    ),
    "a token": (spec(automountServiceAccountToken=True), "token of the API"),
    "a token for the cloud": (
        volume(projected={"sources": [AUDIENCE]}),
        "a projected volume holds a token for",
    ),
    "any Secret as a volume": (volume(secret={"secretName": "slipway-airflow"}), "no Secret"),
    "any Secret as variables": (
        reads_from(secretRef={"name": "slipway-airflow"}),
        "configs and secrets",
    ),
    "a key of any Secret": (
        variable("HOME", valueFrom={"secretKeyRef": {"name": "slipway-airflow", "key": "k"}}),
        "without a reference",
    ),
    "any claim": (volume(persistentVolumeClaim={"claimName": "slipway-airflow"}), "claim"),
    "a folder of the node": (volume(hostPath={"path": "/"}), "its node"),
    "the node's network": (spec(hostNetwork=True), "its node"),
    "privilege": (
        container(securityContext={"privileged": True, "runAsNonRoot": True}),
        "no privilege",
    ),
    "another image": (container(image="evil:1"), "stage-images"),
    "an image of another registry": (
        container(image=f"{REPOSITORY.replace('.', 'x')}:1.0"),
        "stage-images",
    ),
    "a registry that begins like the image": (
        container(image=f"{REPOSITORY}:5000/evil:1"),
        "stage-images",
    ),
    "another command": (container(command=["python"]), "runs slipway"),
    "a hook": (container(lifecycle={"postStart": EXEC}), "no hook"),
    "a probe that runs a command": (container(livenessProbe=EXEC), "no probe"),
    "a second container": (second_container, "one container"),
    "a loaded library": (variable("LD_PRELOAD", value="/tmp/x.so"), "one that Slipway sets"),  # noqa: S108
    "another registry of models": (
        variable("SLIPWAY_MLFLOW", value="http://evil:5000"),
        "an address differs",
    ),
    "another stage than its label's": (argument, "the stage of its label"),
    "the label of a server": (label("app.kubernetes.io/name", "slipway-server"), "slipway-stage"),
    "a label of the cloud's identity": (label("azure.workload.identity/use", "true"), "no labels"),
    "another name for MLflow": (
        spec(hostAliases=[{"ip": "10.0.0.9", "hostnames": ["slipway-mlflow.slipway"]}]),
        "resolves names",
    ),
    "a node of its choice": (spec(nodeName="control-plane"), "the scheduler"),
    "the place of the system's pods": (
        spec(priorityClassName="system-node-critical"),
        "before none of the system",
    ),
    "a node kept for others": (spec(tolerations=[{"operator": "Exists"}]), "kept for others"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_airflow_can_make_no_other_pod(policed: PolicedObjects, attack: str) -> None:
    """Each pod that would reach more than its stage is refused, with the reason."""
    change, reason = ATTACKS[attack]
    assert reason in policed.refusal(policed.create, changed(pod_of(), change), user=AIRFLOW)


@pytest.mark.parametrize("namespace", ["slipway", "slipway-serving"])
def test_airflow_makes_pods_of_stages_only(policed: PolicedObjects, namespace: str) -> None:
    """A pod beside servers, Airflow or MLflow is refused, even if a Role allowed it."""
    pod = changed(pod_of(), lambda one: one["metadata"].update(namespace=namespace))
    pod["spec"]["serviceAccountName"] = "default"
    assert policed.refusal(policed.create, pod, user=AIRFLOW)


def test_only_airflow_makes_pods_of_stages(policed: PolicedObjects) -> None:
    """No other account does, whatever Roles it has; a Job of an administrator does."""
    for user in (ROLLOUT, STAGES_ACCOUNT, "someone@example.org"):
        assert "only Airflow" in policed.refusal(policed.create, pod_of(), user=user)
    job_controller = "system:serviceaccount:kube-system:job-controller"
    policed.create(pod_of("switch", acts=True), user=job_controller)


KEYS = {"trusted-keys": "slipway-keys", "signing-keys": "slipway-signing-key"}
SIGNED = {"trusted_keys_config": "slipway-keys", "signing_key_secret": "slipway-signing-key"}


def test_keys_of_versions_go_to_the_stages_that_need_them() -> None:
    """Each stage has the public ones and none runs without; those that sign the private one."""
    made = PolicedObjects(IMAGE, stated=KEYS)
    settings = {"SLIPWAY_STORE": STORE, "SLIPWAY_MLFLOW": MLFLOW}
    meta = {"name": "slipway-settings", "namespace": "slipway-stages"}
    made.objects.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": settings}
    )
    pods = {**model_spec(more=PODS).pods.model_dump(), **SIGNED}
    inputs = {"model": "delay", "request": "3"}
    train, verify, *sign = (
        built(pod_task(task_id=stage, stage=stage, inputs=inputs, pods=pods))
        for stage in ("train", "verify", "promote_challenger", "reconcile", "switch")
    )
    for pod in (train, verify, *sign):
        made.create(pod, user=AIRFLOW)
    mounts = [{"secret" in one for one in pod["spec"]["volumes"]} for pod in sign]
    assert all(True in one for one in mounts)
    without = changed(train, lambda one: one["metadata"].update(name="without"))
    without["spec"]["containers"][0]["env"].pop()
    assert "trusted-keys" in made.refusal(made.create, without, user=AIRFLOW)
    secret = {"secretName": "slipway-signing-key"}
    for pod in (train, verify):
        other = changed(pod, lambda one: one["metadata"].update(name="other"))
        volume(secret=secret)(other)
        assert "no Secret" in made.refusal(made.create, other, user=AIRFLOW)


def test_keys_of_personal_columns_go_to_the_stages_that_run_a_model() -> None:
    """As the stage table has it; any other pod with them is refused."""
    made = PolicedObjects(IMAGE, stated={"personal-keys": "slipway-pii-key"})
    addresses = {"SLIPWAY_STORE": STORE, "SLIPWAY_MLFLOW": MLFLOW}
    settings = {"name": "slipway-settings", "namespace": "slipway-stages"}
    made.objects.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings, "data": addresses}
    )
    pods = {**model_spec(more=PODS).pods.model_dump(), "pii_key_secret": "slipway-pii-key"}
    mounted = volume(secret={"secretName": "slipway-pii-key"})
    for stage, row in STAGES.items():
        inputs = {one.name: "3" for one in row.required} | {"model": "delay"}
        if "model" not in {one.name for one in row.required}:
            continue
        pod = built(pod_task(task_id=stage, stage=stage, inputs=inputs, pods=pods))
        made.create(pod, user=AIRFLOW)
        other = changed(pod, lambda one: one["metadata"].update(name="other"))
        if not row.personal_keys:
            mounted(other)
            assert "no Secret" in made.refusal(made.create, other, user=AIRFLOW)


def test_an_identity_of_the_cloud_is_admitted_where_an_overlay_says_so() -> None:
    """What a webhook adds to a pod: a token for its audience, and variables."""
    added = volume(projected={"sources": [AUDIENCE]})
    pod = changed(changed(pod_of(), added), variable("AWS_ROLE_ARN", value="arn"))
    # Addresses are another policy's.
    pod["spec"]["containers"][0]["env"] = pod["spec"]["containers"][0]["env"][-1:]
    audiences = {"identity-audiences": "a.example sts.amazonaws.com"}
    settings = {"name": "slipway-settings", "namespace": "slipway-stages"}
    for names, is_admitted in (("", False), ("AWS_REGION AWS_ROLE_ARN", True)):
        made = PolicedObjects(IMAGE, stated={**audiences, "identity-variables": names})
        made.objects.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings})
        if is_admitted:
            made.create(pod, user=AIRFLOW)
        else:
            assert "one that Slipway sets" in made.refusal(made.create, pod, user=AIRFLOW)


def test_airflow_marks_a_pod_and_changes_nothing_else_of_it(policed: PolicedObjects) -> None:
    """The label of a handled pod; no image, no deadline, no other label and no annotation."""
    pod = policed.create(pod_of("verify", acts=True), user=AIRFLOW)
    marked = policed.update(changed(pod, label("already_checked", "True")), user=AIRFLOW)
    for change in (
        container(image=f"{REPOSITORY}:2.0"),
        spec(activeDeadlineSeconds=1),
        label("slipway/stage", "switch"),
        lambda one: one["metadata"]["labels"].pop("slipway/stage"),
        lambda one: one["metadata"]["annotations"].update({"slipway/origin": "{}"}),
        lambda one: one["metadata"].update(finalizers=["example.org/stays"]),
    ):
        reason = policed.refusal(policed.update, changed(marked, change), user=AIRFLOW)
        assert "already_checked" in reason
    policed.delete(marked, user=AIRFLOW)


def test_airflow_deletes_no_pod_of_others(policed: PolicedObjects) -> None:
    """A pod without the labels of its stages stays."""
    other = changed(
        pod_of(), lambda one: one["metadata"]["labels"].pop("app.kubernetes.io/managed-by")
    )
    assert "pods of stages only" in policed.refusal(policed.delete, other, user=AIRFLOW)


def test_no_image_is_exchanged_by_others(policed: PolicedObjects) -> None:
    """An image that the installation does not have is refused to everybody."""
    pod = policed.create(pod_of(), user=AIRFLOW)
    other = changed(pod, container(image="evil:1"))
    assert "stage-images" in policed.refusal(policed.update, other, user="someone@example.org")


def test_without_its_parameters_a_policy_refuses() -> None:
    """A cluster whose ConfigMap was deleted admits no pod instead of every pod."""
    made = PolicedObjects(IMAGE)
    made.objects.delete("ConfigMap", "slipway", "slipway-policy")
    assert "no params found" in made.refusal(made.create, pod_of(), user=AIRFLOW)
