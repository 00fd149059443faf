"""One stage in a Kubernetes pod: the record that the pod leaves in the store is the verdict.

Imported only where a model says `runtime: kubernetes`. Neither the pod's log nor its exit code
decides anything: a pod may be evicted after its work was committed, or vanish with status zero.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from kubernetes.client import models as k8s  # noqa: TID253

from slipway import errors
from slipway.orchestration.stage_task import begin, conclude
from slipway.records.runs import RunRef, find_failure, find_record
from slipway.records.store import Store
from slipway.settings import Settings

NAME_LIMIT = 63
STARTUP_S = 600
NOT_A_LABEL = re.compile(r"[^A-Za-z0-9._-]+")


class StagePod(KubernetesPodOperator):
    """Runs one stage of a model in a pod, deferred while the pod works.

    Args:
        stage: Its name in `slipway run <stage>`.
        inputs: Its arguments; among them what names its run record.
        pods: The `pods` section of the model's spec.
        skip_when: Actions after which nothing follows.
        fail_when: Actions that a person shall see as a failure.
        hand_on: What later tasks need, as for `StageTask`.
    """

    template_fields: Sequence[str] = (*KubernetesPodOperator.template_fields, "inputs")

    def __init__(
        self,
        *,
        stage: str,
        inputs: Mapping[str, Any],
        pods: Mapping[str, Any],
        skip_when: Sequence[str] = (),
        fail_when: Sequence[str] = (),
        hand_on: Sequence[str] = (),
        **airflow: Any,
    ) -> None:
        amounts = dict(pods["resources"])
        super().__init__(
            kubernetes_conn_id=pods["connection"],
            namespace=pods["namespace"],
            image=pods["image"],
            image_pull_policy="IfNotPresent",
            cmds=["slipway"],
            random_name_suffix=False,
            service_account_name=pods["service_account"],
            automount_service_account_token=False,
            node_selector=dict(pods["node_selector"]),
            container_resources=k8s.V1ResourceRequirements(requests=amounts, limits=amounts),
            security_context=k8s.V1PodSecurityContext(
                run_as_non_root=True,
                seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
            ),
            container_security_context=k8s.V1SecurityContext(
                allow_privilege_escalation=False,
                capabilities=k8s.V1Capabilities(drop=["ALL"]),
            ),
            active_deadline_seconds=pods["deadline_seconds"],
            startup_timeout_seconds=STARTUP_S,
            deferrable=True,
            durable=True,
            do_xcom_push=False,
            on_finish_action="delete_pod",
            **airflow,
        )
        self.stage = stage
        self.inputs = inputs
        self.pods = pods
        self.skip_when = skip_when
        self.fail_when = fail_when
        self.hand_on = hand_on
        self.origin: dict[str, Any] = {}

    @property
    def ref(self) -> RunRef:
        """Which piece of work the pod does, and so where its record will be.

        A stage that runs more than once in a rollout records under its task's id.
        """
        return RunRef(self.inputs["model"], run_name(self.inputs), self.task_id)

    @property
    def store(self) -> Store:
        """The store that holds the record."""
        from slipway.wiring import Workshop

        return Workshop().store

    def execute(self, context: Context) -> None:
        """Return the finished record's verdict, or start the pod and wait for it, deferred."""
        self.origin = begin(context)
        if find_record(self.store, self.ref) is None:
            super().execute(context)
        else:
            self.log.info("%s is already complete: no pod is needed", self.ref.key)
            self._conclude(context)

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """Clean up after the pod, then let its record decide.

        Raises:
            SlipwayError: What the stage itself reported.
        """
        begin(context)
        try:
            super().trigger_reentry(context, event)
        except Exception as error:
            if find_record(self.store, self.ref) is not None:
                self.log.warning("the pod ended badly after its record was complete: %s", error)
            elif reported := self._reported():
                raise reported from error
            else:
                raise
        self._conclude(context)

    def build_pod_request_obj(
        self, context: Context | None = None, *, dry_run: bool = False
    ) -> k8s.V1Pod:
        """The pod, whose name, labels and command follow from the stage's inputs."""
        instance = None if context is None else context["ti"]
        attempt = 1 if instance is None else instance.try_number
        settings = Settings()
        self.name = pod_name(self.ref, attempt=attempt)
        self.labels = {
            "app.kubernetes.io/managed-by": "slipway",
            "slipway/model": label(self.ref.subject),
            "slipway/run": label(self.ref.run),
            "slipway/stage": label(self.stage),
        }
        self.arguments = ["run", self.stage, *command_line(self.inputs)]
        self.env_vars = {
            "SLIPWAY_STORE": settings.store,
            "SLIPWAY_MLFLOW": settings.mlflow,
            "SLIPWAY_PLATFORM": settings.platform,
            "SLIPWAY_ORIGIN": json.dumps(self.origin, sort_keys=True),
        }
        return super().build_pod_request_obj(context, dry_run=dry_run)

    def _conclude(self, context: Context) -> None:
        record = find_record(self.store, self.ref)
        if record is None:
            raise self._reported() or errors.Transient(
                f"the pod of {self.stage} ended without a record", where=self.ref.key
            )
        conclude(self, context, record)

    def _reported(self) -> Exception | None:
        """What the newest attempt left when it failed, as the error that it was."""
        failure = find_failure(self.store, self.ref)
        if failure is None:
            return None
        kind = getattr(errors, failure["kind"], None)
        if isinstance(kind, type) and issubclass(kind, errors.SlipwayError):
            return kind(failure["error"])
        return RuntimeError(f"{failure['kind']}: {failure['error']}")


def run_name(inputs: Mapping[str, Any]) -> str:
    """The run that a stage's inputs name."""
    if "request" in inputs:
        return f"request-{int(inputs['request']):06d}"
    if "scoring" in inputs:
        return str(inputs["scoring"])
    return str(inputs["rollout"]) if "rollout" in inputs else f"window-{inputs['window']}"


def command_line(inputs: Mapping[str, Any]) -> list[str]:
    """A stage's inputs as `slipway run` options."""
    words: list[str] = []
    for name, value in inputs.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def pod_name(ref: RunRef, *, attempt: int) -> str:
    """A name that the same try of the same work always has, at most 63 characters."""
    known = hashlib.sha256(ref.folder.encode()).hexdigest()[:10]
    tail = f"-{known}-{attempt}"
    words = re.sub(r"[^a-z0-9]+", "-", f"{ref.subject}-{ref.stage}-{ref.run}".lower())
    return words[: NAME_LIMIT - len(tail)].rstrip("-") + tail


def label(text: str) -> str:
    """A value that Kubernetes takes as a label."""
    return NOT_A_LABEL.sub("-", text)[:NAME_LIMIT].strip("-._")
