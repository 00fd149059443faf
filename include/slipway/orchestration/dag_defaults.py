"""Defaults of every DAG: schedule, runs at a time, no catch-up, retries, owner, tags."""

from __future__ import annotations

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param
from airflow.sdk.definitions.asset import BaseAsset

from slipway.orchestration.retry_policy import task_defaults


def lifecycle_dag(
    dag_id: str,
    *,
    cron: str,
    assets: BaseAsset,
    params: dict[str, Param],
    owner: str,
    tags: list[str],
    description: str,
    page: str,
    runs_at_once: int = 1,
) -> DAG:
    """Return an empty DAG, started by cron or by assets, by default with one run at a time.

    It has no start date: with one, Airflow starts a run for a tick in the past.

    Args:
        dag_id: `<dataset or model>__<activity>`.
        cron: Schedule of sweeps, UTC.
        assets: Assets whose events start it.
        params: Parameters of a manual run.
        owner: Owner in Airflow.
        tags: Tags besides `slipway`.
        description: Description from the spec.
        page: Documentation of the DAG, in Markdown.
        runs_at_once: Most runs at a time.
    """
    return DAG(
        dag_id,
        schedule=AssetOrTimeSchedule(
            timetable=CronTriggerTimetable(cron, timezone="UTC"), assets=assets
        ),
        catchup=False,
        max_active_runs=runs_at_once,
        default_args=task_defaults(owner),
        params=params,
        tags=["slipway", *tags],
        description=description or None,
        doc_md=page,
    )
