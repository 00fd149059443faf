"""Commands of people on a cluster: Jobs and pods that the policies admit, with and without keys."""

from __future__ import annotations

import copy
import itertools

import pytest

from tests.kubernetes_double.api.patches import strategic
from tests.kubernetes_double.api.policies import requested_by
from tests.kubernetes_double.api.problems import ApiProblem
from tests.support.kustomize import FOLDER, documents
from tests.support.policed_objects import AIRFLOW, ROLLOUT, STAGES_ACCOUNT, Manifest, PolicedObjects

IMAGE = "slipway-stages:0.1.0"
TOOLS = FOLDER / "tools"
JOBS = "system:serviceaccount:kube-system:job-controller"
NUMBERS = itertools.count(1)
SIGNING = {"signing-keys": "slipway-signing-key"}
REQUIRED = {**SIGNING, "trusted-keys": "slipway-trusted-keys"}


def job_of(*command: str, keys: str = "") -> Manifest:
    """The Job of a command, with a patch of `tools/keys`."""
    (job,) = documents((TOOLS / "slipway.yaml").read_text())
    if keys:
        (patch,) = documents((TOOLS / "keys" / f"{keys}.yaml").read_text())
        job = strategic(job, patch)
    job["spec"]["template"]["spec"]["containers"][0]["args"] = list(command)
    job["metadata"]["name"] = f"tool-{next(NUMBERS)}"
    return job


def pod_of(job: Manifest) -> Manifest:
    """The pod that Kubernetes makes of a Job."""
    template = copy.deepcopy(job["spec"]["template"])
    meta = {"name": job["metadata"]["name"], "namespace": job["metadata"]["namespace"]}
    template["metadata"] |= meta
    return {"apiVersion": "v1", "kind": "Pod", **template}


def policed(stated: dict[str, str]) -> PolicedObjects:
    """The base, with the settings of the namespace of stages."""
    made = PolicedObjects(IMAGE, stated=stated)
    meta = {"name": "slipway-settings", "namespace": "slipway-stages"}
    made.objects.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    return made


@pytest.mark.parametrize("stated", [SIGNING, REQUIRED], ids=["before keys are trusted", "after"])
def test_versions_are_signed_on_a_cluster(stated: dict[str, str]) -> None:
    """By an administrator's Job, which mounts the private key and holds no token of the API."""
    made, job = policed(stated), job_of("sign", "flight_delay", keys="signing")
    with requested_by("kubernetes-admin", "system:masters"):
        made.objects.create(job)
    pod = made.create(pod_of(job), user=JOBS)
    assert pod["spec"]["serviceAccountName"] == "slipway-stages"
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_signers_are_users_and_groups_that_the_policies_name() -> None:
    """An administrator by other means than `system:masters`, and a group of people."""
    made = policed({**SIGNING, "signers": "anna@example.org release-team"})
    made.create(job_of("sign", "flight_delay", keys="signing"), user="anna@example.org")
    with requested_by("ben@example.org", "release-team"):
        made.objects.create(job_of("sign", "flight_delay", keys="signing"))
    with requested_by("kubernetes-admin", "system:masters"), pytest.raises(ApiProblem):
        made.objects.create(job_of("sign", "flight_delay", keys="signing"))


CRON = "system:serviceaccount:kube-system:cronjob-controller"


@pytest.mark.parametrize("user", [AIRFLOW, ROLLOUT, STAGES_ACCOUNT, CRON, "someone@example.org"])
def test_no_other_account_makes_a_job_that_signs(user: str) -> None:
    """Whatever Roles it has; a Job without the private key is its Role's matter."""
    made, job = policed(REQUIRED), job_of("sign", "flight_delay", keys="signing")
    assert "only signers" in made.refusal(made.create, job, user=user)
    made.create(job_of("status", keys="trusted"), user=user)


@pytest.mark.parametrize("user", [AIRFLOW, ROLLOUT, STAGES_ACCOUNT, "someone@example.org"])
def test_no_other_account_makes_a_pod_that_signs(user: str) -> None:
    """Airflow starts stages, and `sign` is none; the others make no pod of this namespace."""
    made, pod = policed(REQUIRED), pod_of(job_of("sign", "flight_delay", keys="signing"))
    labels = pod["metadata"]["labels"]
    del labels["app.kubernetes.io/component"]
    reason = made.refusal(made.create, pod, user=user)
    assert ("runs the stage of its label" if user == AIRFLOW else "only Airflow") in reason


def test_the_private_key_is_for_the_command_that_signs() -> None:
    """Another command mounts it not, and neither does one with a token of the API."""
    made = policed(REQUIRED)
    other = pod_of(job_of("export", "flight_delay", keys="signing"))
    assert "no Secret" in made.refusal(made.create, other, user=JOBS)
    worn = pod_of(job_of("sign", "flight_delay", keys="signing"))
    worn["spec"] |= {"serviceAccountName": "slipway-rollout", "automountServiceAccountToken": True}
    assert "no Secret" in made.refusal(made.create, worn, user=JOBS)
    more = pod_of(job_of("sign", "flight_delay", keys="signing"))
    more["spec"]["volumes"].append({"name": "more", "secret": {"secretName": "slipway-airflow"}})
    assert "no Secret" in made.refusal(made.create, more, user=JOBS)


def test_every_command_runs_where_keys_are_trusted() -> None:
    """With the patch of the public keys; without it the policies refuse its pod."""
    made = policed(REQUIRED)
    made.create(pod_of(job_of("rollback", "flight_delay", keys="trusted")), user=JOBS)
    bare = pod_of(job_of("rollback", "flight_delay"))
    assert "trusted-keys" in made.refusal(made.create, bare, user=JOBS)
    policed({}).create(pod_of(job_of("rollback", "flight_delay")), user=JOBS)
