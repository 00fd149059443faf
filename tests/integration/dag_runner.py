"""A runner of DAGs without a scheduler: each task in turn as worker, triggerer and worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from kubernetes.client import V1Container
from kubernetes.client import models as k8s

from slipway.errors import Transient
from slipway.orchestration.pods.operator import StagePod
from tests.fakes.airflow import FakeInstance, FakeRun, task_context
from tests.integration.manifests import PROJECT

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
"""How often a trigger looks at its pod; the suite has no time for Airflow's default."""
WATCH_S = 1
"""How long it watches the events of one that starts; no API takes a part of a second."""


@dataclass
class Instance(FakeInstance):
    """A task instance with the XComs of earlier tasks."""

    start_date: datetime = field(default_factory=lambda: datetime.now(UTC))
    earlier: dict[str, dict[str, Any]] = field(default_factory=dict)

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        """A value that an earlier task pushed."""
        return self.earlier[task_ids][key]


@dataclass
class TaskStateStore:
    """Airflow's state store of one task."""

    values: dict[str, Any] = field(default_factory=dict)

    def get(self, key: str) -> Any:
        """A value, or None."""
        return self.values.get(key)

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.values[key] = value


@dataclass
class Run:
    """One run of a DAG whose stages are pods.

    Attributes:
        make: Builds the DAG, as each process does.
        run_id: Id of the run, unique in a test.
        volume: Volume with the specs, which the stages' image does not hold.
        patience_s: Time limit of a pod.
        tries: Number of tries after transient errors.
        conf: Parameters that a person gave.
        pushed: XComs of each task.
        changed: Called with each task before its pod is made.
        run_after: Time at which the run was asked for.
    """

    make: Callable[[], DAG]
    run_id: str
    volume: dict[str, Any]
    patience_s: float
    tries: int = 1
    conf: dict[str, Any] = field(default_factory=dict)
    pushed: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: Callable[[StagePod], None] = lambda _: None
    run_after: datetime = field(default_factory=lambda: datetime.now(UTC))
    _states: dict[tuple[str, int], TaskStateStore] = field(default_factory=dict)

    def actions(self) -> dict[str, str]:
        """Action of each task, once all have run in turn; the first error is raised.

        After a skipped task only teardowns run.
        """
        skipped, ended = False, {}
        for task in self.make().topological_sort():  # type: ignore[no-untyped-call]
            if skipped and not task.is_teardown:
                continue
            try:
                self._tried(task.task_id)
            except AirflowSkipException:
                skipped = True
            ended[task.task_id] = str(self.pushed[task.task_id]["return_value"]["action"])
        return ended

    def _tried(self, task_id: str) -> None:
        for attempt in range(1, self.tries):
            try:
                self.task(task_id, attempt=attempt)
            except Transient as error:
                log.warning("%s is tried again: %s", task_id, error)
            else:
                return
        self.task(task_id, attempt=self.tries)

    def task(self, task_id: str, *, attempt: int = 1) -> dict[str, Any]:
        """Run a task to its end; its XComs. Its error is raised."""
        waits = self.start(task_id, attempt=attempt)
        while waits is not None:
            waits = self.resume(task_id, fired(waits, seconds=self.patience_s), attempt=attempt)
        return self.pushed[task_id]

    def start(self, task_id: str, *, attempt: int = 1) -> KubernetesPodTrigger | None:
        """The worker's first part: the trigger that the task defers to, or None if it has ended."""
        return self._part(task_id, attempt, lambda task, context: task.execute(context))

    def resume(
        self, task_id: str, event: dict[str, Any], *, attempt: int = 1
    ) -> KubernetesPodTrigger | None:
        """The worker's second part, after the trigger has fired."""
        return self._part(
            task_id, attempt, lambda task, context: task.trigger_reentry(context, event)
        )

    def _part(
        self, task_id: str, attempt: int, act: Callable[[StagePod, Any], None]
    ) -> KubernetesPodTrigger | None:
        dag = self.make()
        task = dag.get_task(task_id)
        assert isinstance(task, StagePod)
        # A trigger and its task request the same volumes as any pod of this run.
        task.volumes = [*task.volumes, _volume(self.volume)]
        task.volume_mounts = [
            *task.volume_mounts,
            k8s.V1VolumeMount(name=self.volume["name"], mount_path=PROJECT, read_only=True),
        ]
        self.changed(task)
        pushed = self.pushed.setdefault(task_id, {})
        instance = Instance(
            task_id=task_id,
            dag_id=dag.dag_id,
            try_number=attempt,
            pushed=pushed,
            earlier=self.pushed,
        )
        context = task_context(
            dag,
            run=FakeRun(self.run_id, conf=self.conf, run_after=self.run_after),
            instance=instance,
            outlets=tuple(task.outlets),
        )
        context["task_state_store"] = self._states.setdefault(  # type: ignore[typeddict-item]
            (task_id, attempt), TaskStateStore()
        )
        task.render_template_fields(context)
        try:
            act(task, context)
        except TaskDeferred as deferred:
            return _passed_on(deferred)
        return None


def fired(trigger: KubernetesPodTrigger, *, seconds: float) -> dict[str, Any]:
    """Payload of a trigger's event.

    Args:
        trigger: The trigger that the worker deferred to.
        seconds: Time limit.
    """

    async def first() -> dict[str, Any]:
        async for event in trigger.run():
            payload: dict[str, Any] = event.payload
            return payload
        raise AssertionError("the trigger ended in silence")

    return asyncio.run(asyncio.wait_for(first(), timeout=seconds))


def runs(program: str) -> Callable[[StagePod], None]:
    """A change by which a stage's pod runs a Python program instead of the stage."""

    def change(task: StagePod) -> None:
        build = task.build_pod_request_obj

        def built(context: Any = None, *, dry_run: bool = False) -> k8s.V1Pod:
            pod = build(context, dry_run=dry_run)
            container: V1Container = pod.spec.containers[0]
            container.command, container.args = ["python", "-c", program], []
            return pod

        task.build_pod_request_obj = built  # type: ignore[method-assign]

    return change


def _passed_on(deferred: TaskDeferred) -> KubernetesPodTrigger:
    """The trigger as another process builds it from the database."""
    trigger = deferred.trigger
    assert isinstance(trigger, KubernetesPodTrigger)
    _, arguments = trigger.serialize()
    again = KubernetesPodTrigger(**arguments)
    again.poll_interval, again.startup_check_interval = LOOK_EVERY_S, WATCH_S
    return again


def _volume(volume: dict[str, Any]) -> k8s.V1Volume:
    source = volume["configMap"]
    items = [k8s.V1KeyToPath(key=one["key"], path=one["path"]) for one in source["items"]]
    files = k8s.V1ConfigMapVolumeSource(name=source["name"], items=items)
    return k8s.V1Volume(name=volume["name"], config_map=files)
