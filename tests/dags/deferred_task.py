"""A stage's task run as Airflow runs it: worker, triggerer, worker again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow.jobs.triggerer_job_runner import TriggerRunner
from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.sdk import Context
from airflow.sdk.exceptions import TaskDeferred

from slipway.orchestration.pods.operator import StagePod
from slipway.orchestration.train_dag import train_dag
from tests.dags.specs import model_spec
from tests.fakes.airflow import FakeInstance, FakeRun, task_context

QUICK_S = 0.2
WATCH_S = 1


@dataclass
class TimedInstance(FakeInstance):
    """A task instance with a start date."""

    start_date: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class DeferredTask:
    """One task instance over all its tries.

    Args:
        make: Builds the operator, as each process does.
        state: Airflow's state store of the task.
        instance: The newest try.
    """

    make: Callable[[], StagePod]
    state: dict[str, Any] = field(default_factory=dict)
    instance: TimedInstance = field(default_factory=TimedInstance)

    def try_again(self) -> None:
        """Begin another try of the same task."""
        self.instance = TimedInstance(try_number=self.instance.try_number + 1)

    def start(self) -> KubernetesPodTrigger | None:
        """The worker's first part: the trigger that the task defers to, or None if it has ended."""
        return self._until_deferred(lambda task, context: task.execute(context))

    def resume(self, event: dict[str, Any]) -> KubernetesPodTrigger | None:
        """The worker's second part, after the trigger has fired."""
        return self._until_deferred(lambda task, context: task.trigger_reentry(context, event))

    def run(self) -> dict[str, Any]:
        """Run the task to its end; the pushed XComs. Its error is raised."""
        waits = self.start()
        while waits is not None:
            waits = self.resume(fired(waits))
        return self.instance.pushed

    def _until_deferred(
        self, part: Callable[[StagePod, Context], None]
    ) -> KubernetesPodTrigger | None:
        task = self.make()
        self.instance.task_id = task.task_id
        run = FakeRun("asset__7", "asset_triggered")
        context = task_context(train_dag(model_spec()), run=run, instance=self.instance)
        context["task_state_store"] = TaskStateStore(self.state)  # type: ignore[typeddict-item]
        try:
            part(task, context)
        except TaskDeferred as deferred:
            trigger = deferred.trigger
            assert isinstance(trigger, KubernetesPodTrigger)
            _, arguments = trigger.serialize()
            again = KubernetesPodTrigger(**arguments)
            again.poll_interval, again.startup_check_interval = QUICK_S, WATCH_S
            return again
        return None


@dataclass
class TaskStateStore:
    """Airflow's state store of one task."""

    values: dict[str, Any]

    def get(self, key: str) -> Any:
        """A value, or None."""
        return self.values.get(key)

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.values[key] = value


def fired(trigger: KubernetesPodTrigger) -> dict[str, Any]:
    """Payload of the trigger's event."""

    async def first() -> dict[str, Any]:
        async for event in trigger.run():
            payload: dict[str, Any] = event.payload
            return payload
        raise AssertionError("the trigger ended without an event")

    return asyncio.run(asyncio.wait_for(first(), timeout=60))


def cancel_trigger(trigger: KubernetesPodTrigger, *, by_a_person: bool) -> None:
    """Cancel a trigger as Airflow's triggerer does.

    Args:
        trigger: The trigger that watches the pod.
        by_a_person: Whether a person marked or cleared the task; else the triggerer stops.
    """
    asyncio.run(_end(trigger, by_a_person=by_a_person))


async def _end(trigger: KubernetesPodTrigger, *, by_a_person: bool) -> None:
    runner = TriggerRunner()
    trigger.task_instance = None
    watching = asyncio.create_task(runner.run_trigger(1, trigger))
    details: Any = {"task": watching, "name": "the pod", "events": 0}
    runner.triggers[1] = details
    await asyncio.sleep(1)
    if by_a_person:
        runner.to_cancel.append(1)
        await runner.cancel_triggers()
    else:
        watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    await trigger.cleanup()
