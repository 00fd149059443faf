"""Fakes of Airflow's task context: enough for the code of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Asset, Context


@dataclass
class FakeInstance:
    """A task instance that keeps pushed XComs."""

    task_id: str = "stage"
    dag_id: str = "delay__train"
    try_number: int = 1
    map_index: int | None = -1
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.pushed[key] = value


@dataclass
class FakeRun:
    """A DAG run as the task sees it."""

    run_id: str = "manual__1"
    run_type: str = "manual"
    run_after: datetime = field(default_factory=lambda: datetime.now(UTC))
    triggering_user_name: str | None = None
    conf: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class FakeEvent:
    """The asset event that a finished task emits."""

    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class FakeTask:
    """The part of a task that decides how a verdict ends it."""

    stage: str = "gate"
    skip_when: tuple[str, ...] = ()
    fail_when: tuple[str, ...] = ()
    xcom_keys: tuple[str, ...] = ()
    outlets: tuple[Asset, ...] = ()


def task_context(
    dag: DAG,
    *,
    instance: FakeInstance | None = None,
    run: FakeRun | None = None,
    outlets: tuple[Asset, ...] = (),
) -> Context:
    """A task's context in a run of a DAG."""
    run = run or FakeRun()
    context: Context = {  # type: ignore[assignment]
        "dag": dag,
        "dag_run": run,
        "run_id": run.run_id,
        "ti": instance or FakeInstance(),
        "params": {**{name: dag.params[name] for name in dag.params}, **run.conf},
        "outlet_events": {asset: FakeEvent() for asset in outlets},
    }
    return context
