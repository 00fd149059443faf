"""One stage in a Kubernetes pod: what the pod leaves in the store is the verdict.

Imported only where a spec says `runtime: kubernetes`. Neither the pod's log nor its exit code
decides anything: a pod may be evicted after its work was committed, or vanish with status zero.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from typing import Any

from airflow.providers.cncf.kubernetes.kubernetes_helper_functions import KubernetesApiException
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodPhase
from airflow.sdk import Context
from kubernetes.client import ApiClient, ApiException  # noqa: TID253
from kubernetes.client import models as k8s  # noqa: TID253
from kubernetes.config import ConfigException  # noqa: TID253
from urllib3.exceptions import HTTPError

from slipway.errors import BadParameter
from slipway.orchestration.pods import shape
from slipway.orchestration.pods.api_errors import answered
from slipway.orchestration.pods.failures import Ended, pod_failure
from slipway.orchestration.pods.launcher import PodLauncher
from slipway.orchestration.stage_task import RECORDED_STAGES, begin, conclude
from slipway.records.outcomes import (
    Outcome,
    entered_record,
    find_error,
    find_outcome,
    outcome_key,
)
from slipway.records.run_records import RunRef
from slipway.records.store import Store

API_ERRORS = (ApiException, HTTPError, KubernetesApiException, ConfigException)
LOGS_EVERY_S = 30
LOOK_EVERY_S = 2
BESIDE_WORK_S = 600


class StagePod(KubernetesPodOperator):
    """Runs one stage in a pod, deferred while the pod works.

    Args:
        stage: Its name in `slipway run <stage>`.
        inputs: Its arguments; among them what names its run record, where it has one.
        pods: The `pods` section of the spec.
        acts_on_cluster: Whether the stage needs rights on the cluster's API.
        skip_when: Actions after which nothing follows.
        fail_when: Actions that a person shall see as a failure.
        hand_on: What later tasks need, as for `StageTask`.
    """

    template_fields: Sequence[str] = (*KubernetesPodOperator.template_fields, "inputs")
    # Each time the watch was lost; the pod itself goes on, so giving up early helps nobody.
    MAX_REDEFER_ATTEMPTS = 20

    def __init__(
        self,
        *,
        stage: str,
        inputs: Mapping[str, Any],
        pods: Mapping[str, Any],
        acts_on_cluster: bool = False,
        skip_when: Sequence[str] = (),
        fail_when: Sequence[str] = (),
        hand_on: Sequence[str] = (),
        **airflow: Any,
    ) -> None:
        super().__init__(
            **shape.operator_arguments(pods, acts_on_cluster=acts_on_cluster),
            deferrable=True,
            durable=True,
            do_xcom_push=False,
            get_logs=True,
            # Not None, which would follow the log of a pod that is to be given up.
            logging_interval=LOGS_EVERY_S,
            startup_check_interval_seconds=LOOK_EVERY_S,
            poll_interval=LOOK_EVERY_S,
            log_pod_spec_on_failure=False,
            on_finish_action="delete_succeeded_pod",
            on_kill_action="delete_pod",
            **airflow,
        )
        self.stage = stage
        self.inputs = inputs
        self.pods = pods
        self.acts_on_cluster = acts_on_cluster
        self.skip_when = skip_when
        self.fail_when = fail_when
        self.hand_on = hand_on
        self.origin: dict[str, Any] = {}
        # It may wait for a node, then for its image, and then for its work.
        longest = 2 * pods["startup_seconds"] + pods["deadline_seconds"] + BESIDE_WORK_S
        given = self.execution_timeout or timedelta()
        self.execution_timeout = max(given, timedelta(seconds=longest))

    @property
    def ref(self) -> RunRef | None:
        """Where the stage's record will be; None where its inputs do not tell.

        A stage that runs more than once in a rollout records under its task's id.
        """
        if self.stage not in RECORDED_STAGES:
            return None
        return RunRef(self.inputs["model"], run_name(self.inputs), self.task_id)

    @cached_property
    def store(self) -> Store:
        """The store that tasks and pods share."""
        from slipway.wiring import Container

        return Container().store

    @cached_property
    def pod_manager(self) -> PodLauncher:
        """What makes, watches and deletes the pod."""
        return PodLauncher(kube_client=self.client, callbacks=self.callbacks)

    def execute(self, context: Context) -> None:
        """Return what is there already, or start the pod and wait for it, deferred.

        Raises:
            SlipwayError: The cluster does not make the pod.
        """
        self.origin = begin(context)
        outcome = self._outcome(self.origin["try_number"])
        if outcome is not None:
            self.log.info("%s is already complete: no pod is needed", self.stage)
            conclude(self, context, outcome)
            return
        try:
            super().execute(context)
        except API_ERRORS as error:
            raise self._unanswered(error, doing=f"start the pod of {self.stage}") from error

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """Clean up after the pod, then let what it left decide.

        Raises:
            SlipwayError: What the stage itself reported; or what became of its pod.
        """
        self.origin = begin(context)
        attempt = shape.attempt_of(event["name"])
        problem: Exception | None = None
        try:
            super().trigger_reentry(context, event)
        except Exception as error:  # noqa: BLE001  whatever it was, what is in the store decides
            problem = error
        outcome = self._outcome(attempt)
        if outcome is None:
            reported = find_error(self.store, self._outcome_key(attempt))
            raise reported or self._failure(event, problem) from problem
        if problem is not None:
            self.log.warning("the pod ended badly after its work was complete: %s", problem)
        conclude(self, context, outcome)

    def build_pod_request_obj(
        self, context: Context | None = None, *, dry_run: bool = False
    ) -> k8s.V1Pod:
        """The pod, whose name, labels and command follow from the task and its inputs."""
        origin = self.origin or _nobody(self)
        root = self.store.root
        self.name = shape.pod_name(origin, self.inputs, store_root=root)
        run = self.ref.run if self.ref else origin["run_id"]
        self.labels = shape.labels(self.stage, self.inputs, run=run, store_root=root)
        who = {name: value for name, value in origin.items() if name != "pid"}
        who["host"] = self.name
        self.annotations = {
            shape.ORIGIN: json.dumps(who, sort_keys=True),
            shape.KEPT_MINUTES: str(self.pods["kept_minutes"]),
        }
        key = outcome_key_of(origin, attempt=origin["try_number"])
        self.arguments = [
            *("run", self.stage, *shape.command_line(self.inputs)),
            *("--outcome", key),
        ]
        self.env_vars = shape.environment(who)
        pod = super().build_pod_request_obj(context, dry_run=dry_run)
        # Each Service of the namespace would put variables of its own making beside ours.
        pod.spec.enable_service_links = False
        return pod

    def convert_config_file_to_dict(self) -> None:
        """Let the connection alone name the cluster.

        The operator would hand what `KUBECONFIG` names to the trigger, and so to the database; and
        the trigger refuses it beside a connection that has a kubeconfig of its own.
        """
        self._config_dict = None

    def process_pod_deletion(self, pod: k8s.V1Pod, *, reraise: bool = True) -> bool:
        """Delete a pod that succeeded, and one that is given up; keep one that failed.

        A failed pod is looked at by people, until the reaper takes it.
        """
        if pod is None or pod.status.phase in PodPhase.terminal_states:
            return bool(super().process_pod_deletion(pod, reraise=reraise))
        self.log.info("Deleting the pod %s, which nobody waits for any more", pod.metadata.name)
        try:
            self.pod_manager.delete_pod(pod)
        except API_ERRORS:
            if reraise:
                raise
            self.log.exception("it could not be deleted; the reaper will")
        return True

    def _outcome_key(self, attempt: int) -> str:
        return outcome_key_of(self.origin, attempt=attempt)

    def _outcome(self, attempt: int) -> Outcome | None:
        if self.ref is not None:
            return entered_record(self.store, self.ref)
        return find_outcome(self.store, self._outcome_key(attempt))

    def _failure(self, event: Mapping[str, Any], problem: Exception | None) -> Exception:
        if isinstance(problem, API_ERRORS):
            return self._unanswered(problem, doing=f"look after the pod of {self.stage}")
        plain = ApiClient().sanitize_for_serialization
        events: list[Any] = []
        with suppress(*API_ERRORS):
            events = self.client.list_namespaced_event(
                event["namespace"], field_selector=f"involvedObject.name={event['name']}"
            ).items
        return pod_failure(
            Ended(
                stage=self.stage,
                where=f"{event['namespace']}/{event['name']}",
                pod=plain(self.pod) if self.pod else None,
                events=plain(events),
                given_up=event.get("message") if event["status"] == "timeout" else None,
            )
        )

    def _unanswered(self, error: Exception, *, doing: str) -> Exception:
        if isinstance(error, ConfigException):
            return BadParameter(
                f"cannot {doing}: Airflow knows no cluster",
                expected=f"the connection {self.kubernetes_conn_id!r} (pods.connection)",
                found=str(error),
                hint="make the connection, or run Airflow inside the cluster",
            )
        status, body = getattr(error, "status", None), getattr(error, "body", None)
        where = f"{self.namespace}/{self.name}" if self.name else str(self.namespace)
        return answered(status, body or error, doing=doing, where=where)


def run_name(inputs: Mapping[str, Any]) -> str:
    """The run that a recorded stage's inputs name."""
    if "request" in inputs:
        return f"request-{int(inputs['request']):06d}"
    if "scoring" in inputs:
        return str(inputs["scoring"])
    return str(inputs["rollout"]) if "rollout" in inputs else f"window-{inputs['window']}"


def outcome_key_of(origin: Mapping[str, Any], *, attempt: int) -> str:
    """Where a task's pod of one try leaves what it decided."""
    return outcome_key(
        origin["dag_id"],
        origin["run_id"],
        origin["task_id"],
        map_index=origin["map_index"],
        attempt=attempt,
    )


def _nobody(task: StagePod) -> dict[str, Any]:
    """Origin of a pod that is only looked at, not run."""
    return {
        "dag_id": task.dag_id,
        "run_id": "dry-run",
        "task_id": task.task_id,
        "map_index": -1,
        "try_number": 1,
    }
