"""The operator that runs one stage in a Kubernetes pod; the result is read from the store.

Imported only for specs with `runtime: kubernetes`. The pod's log and exit code decide nothing:
a pod may be evicted after its work was committed, or end with status zero without a result.
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
from slipway.orchestration.pods.api_errors import api_error
from slipway.orchestration.pods.failures import EndedPod, pod_failure
from slipway.orchestration.pods.key_files import key_files
from slipway.orchestration.pods.launcher import PodLauncher
from slipway.orchestration.rollout_lease import lease_given_back, with_ended_holder
from slipway.orchestration.task_outcome import end_task
from slipway.orchestration.task_setup import set_up_task
from slipway.records.outcomes import (
    Outcome,
    entered_record,
    find_outcome,
    outcome_key,
)
from slipway.records.run_records import RunRef
from slipway.records.stage_errors import find_error
from slipway.records.store import Store
from slipway.wiring.stage_table import find_stage

API_ERRORS = (ApiException, HTTPError, KubernetesApiException, ConfigException)
LOGS_EVERY_S = 30
LOOK_EVERY_S = 2
BESIDE_WORK_S = 600


class StagePod(KubernetesPodOperator):
    """Runs one stage in a pod, deferred while the pod works.

    Args:
        stage: Name of the stage.
        inputs: Inputs of the stage, as templates.
        pods: The `pods` section of the spec.
        acts_on_cluster: Whether the pod needs access to the Kubernetes API.
        skip_when: See `StageOperator`, as for the others.
        fail_when: Actions of a verdict that fail the task.
        xcom_keys: Values that later tasks need.
    """

    template_fields: Sequence[str] = (*KubernetesPodOperator.template_fields, "inputs")
    # How often the watch may be lost; the pod goes on meanwhile.
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
        xcom_keys: Sequence[str] = (),
        **airflow: Any,
    ) -> None:
        super().__init__(
            **shape.operator_arguments(pods, stage=stage, acts_on_cluster=acts_on_cluster),
            deferrable=True,
            durable=True,
            do_xcom_push=False,
            get_logs=True,
            # Not None, which would follow the log of a pod that is to be deleted.
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
        self.xcom_keys = xcom_keys
        self.origin: dict[str, Any] = {}
        # The pod may wait for a node, then for its image, then work until its deadline.
        longest = 2 * pods["startup_seconds"] + pods["deadline_seconds"] + BESIDE_WORK_S
        given = self.execution_timeout or timedelta()
        self.execution_timeout = max(given, timedelta(seconds=longest))

    @property
    def ref(self) -> RunRef | None:
        """The stage's run record; None where the inputs do not identify it.

        A stage that runs more than once in a rollout is recorded under its task's id; of one that
        several tasks share, each has a record.
        """
        row = find_stage(self.stage)
        run = row.recorded_run(self.inputs)
        if run is None:
            return None
        stage = row.recorded_stage(self.inputs, task=self.task_id)
        return RunRef(self.inputs["model"], run, stage)

    @cached_property
    def store(self) -> Store:
        """The store that tasks and pods share."""
        from slipway.wiring import Container

        return Container().store

    @cached_property
    def pod_manager(self) -> PodLauncher:
        """Creates, watches and deletes the pod."""
        return PodLauncher(kube_client=self.client, callbacks=self.callbacks)

    def execute(self, context: Context) -> None:
        """End the task with an existing result, or start the pod and defer.

        Raises:
            SlipwayError: The cluster does not create the pod.
        """
        self.origin = set_up_task(context)
        outcome = self._outcome(self.origin["try_number"])
        if outcome is not None:
            self.log.info("%s is already complete: no pod is needed", self.stage)
            end_task(self, context, outcome)
            return
        if self.stage == "reconcile":
            self.inputs = with_ended_holder(self.inputs, context)
        try:
            super().execute(context)
        except API_ERRORS as error:
            raise self._api_error(error, doing=f"start the pod of {self.stage}") from error

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """Clean up after the pod, then end the task with its result.

        Raises:
            SlipwayError: The error that the stage reported, or the failure of its pod.
        """
        self.origin = set_up_task(context)
        with lease_given_back(self.inputs, self.origin, context):
            self._end(context, event)

    def _end(self, context: Context, event: dict[str, Any]) -> None:
        attempt = shape.attempt_of(event["name"])
        problem: Exception | None = None
        try:
            super().trigger_reentry(context, event)
        except Exception as error:  # noqa: BLE001  the store decides after any error
            problem = error
        outcome = self._outcome(attempt)
        if outcome is None:
            reported = find_error(self.store, self._outcome_key(attempt))
            raise reported or self._failure(event, problem) from problem
        if problem is not None:
            self.log.warning("the pod failed after its work was complete: %s", problem)
        end_task(self, context, outcome)

    def build_pod_request_obj(
        self, context: Context | None = None, *, dry_run: bool = False
    ) -> k8s.V1Pod:
        """Build the pod; name, labels and command follow from the task and its inputs."""
        origin = self.origin or _dry_run_origin(self)
        root = self.store.root
        self.name = shape.pod_name(origin, self.inputs, store_root=root)
        run = self.ref.run if self.ref else origin["run_id"]
        self.labels = shape.labels(self.stage, self.inputs, run=run, store_root=root)
        pod_origin = {name: value for name, value in origin.items() if name != "pid"}
        pod_origin["host"] = self.name
        self.annotations = {
            shape.ORIGIN: json.dumps(pod_origin, sort_keys=True),
            shape.KEPT_MINUTES: str(self.pods["kept_minutes"]),
        }
        key = outcome_key_of(origin, attempt=origin["try_number"])
        self.arguments = [
            *("run", self.stage, *shape.command_line(self.inputs)),
            *("--outcome", key),
        ]
        keys = key_files(self.pods, stage=self.stage, acts_on_cluster=self.acts_on_cluster)
        self.env_vars = shape.environment(pod_origin) | {one.variable: one.path for one in keys}
        pod = super().build_pod_request_obj(context, dry_run=dry_run)
        # Otherwise Kubernetes adds variables for each Service of the namespace.
        pod.spec.enable_service_links = False
        return pod

    def convert_config_file_to_dict(self) -> None:
        """Ignore `KUBECONFIG`: only the connection names the cluster.

        The operator would pass the file's content to the trigger, and so to the database; and the
        trigger refuses it beside a connection that has its own kubeconfig.
        """
        self._config_dict = None

    def process_pod_deletion(self, pod: k8s.V1Pod, *, reraise: bool = True) -> bool:
        """Delete a pod that succeeded or timed out; keep a failed one for inspection.

        The reaper deletes failed pods later.
        """
        if pod is None or pod.status.phase in PodPhase.terminal_states:
            return bool(super().process_pod_deletion(pod, reraise=reraise))
        self.log.info("Deleting the pod %s: its task stopped waiting for it", pod.metadata.name)
        try:
            self.pod_manager.delete_pod(pod)
        except API_ERRORS:
            if reraise:
                raise
            self.log.exception("the pod could not be deleted; the reaper will delete it")
        return True

    def _outcome_key(self, attempt: int) -> str:
        return outcome_key_of(self.origin, attempt=attempt)

    def _outcome(self, attempt: int) -> Outcome | None:
        if self.ref is not None:
            return entered_record(self.store, self.ref)
        return find_outcome(self.store, self._outcome_key(attempt))

    def _failure(self, event: Mapping[str, Any], problem: Exception | None) -> Exception:
        if isinstance(problem, API_ERRORS):
            return self._api_error(problem, doing=f"watch the pod of {self.stage}")
        plain = ApiClient().sanitize_for_serialization
        events: list[Any] = []
        with suppress(*API_ERRORS):
            events = self.client.list_namespaced_event(
                event["namespace"], field_selector=f"involvedObject.name={event['name']}"
            ).items
        return pod_failure(
            EndedPod(
                stage=self.stage,
                where=f"{event['namespace']}/{event['name']}",
                pod=plain(self.pod) if self.pod else None,
                events=plain(events),
                timeout=event.get("message") if event["status"] == "timeout" else None,
            )
        )

    def _api_error(self, error: Exception, *, doing: str) -> Exception:
        if isinstance(error, ConfigException):
            return BadParameter(
                f"cannot {doing}: Airflow has no connection to a cluster",
                expected=f"the connection {self.kubernetes_conn_id!r} (pods.connection)",
                found=str(error),
                hint="create the connection, or run Airflow inside the cluster",
            )
        status, body = getattr(error, "status", None), getattr(error, "body", None)
        where = f"{self.namespace}/{self.name}" if self.name else str(self.namespace)
        return api_error(status, body or error, doing=doing, where=where)


def outcome_key_of(origin: Mapping[str, Any], *, attempt: int) -> str:
    """Return the store key for the result of a task's pod, by try."""
    return outcome_key(
        origin["dag_id"],
        origin["run_id"],
        origin["task_id"],
        map_index=origin["map_index"],
        attempt=attempt,
    )


def _dry_run_origin(task: StagePod) -> dict[str, Any]:
    """Return the origin of a pod that is rendered, not run."""
    return {
        "dag_id": task.dag_id,
        "run_id": "dry-run",
        "task_id": task.task_id,
        "map_index": -1,
        "try_number": 1,
    }
