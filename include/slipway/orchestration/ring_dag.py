"""The common frame of every DAG of the ring: schedule, defaults and page in the UI."""

from __future__ import annotations

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param
from airflow.sdk.definitions.asset import BaseAsset

from slipway.orchestration.retry_policy import task_defaults

PICTURE = """\
```
 files landing ──▶ {dataset}__ingest ──batch──▶ <model>__train ──challenger──▶ <model>__deploy
                                       │              ▲                              │
                                       └─batch──▶ <model>__monitor ◀── predictions ──┘
                                                      └── retrain request ──▶ <model>__train
```
Every run reads from the store what there is to do; assets and cron only start it.
So a lost, merged or repeated event costs minutes and never data, and any run may be cleared.
Each verdict is in the task's log and XCom, in its run record and in the ledger:
`slipway why <model>`."""


def ring_dag(
    dag_id: str,
    *,
    cron: str,
    assets: BaseAsset,
    params: dict[str, Param],
    owner: str,
    tags: list[str],
    description: str,
    page: str,
) -> DAG:
    """Return an empty DAG with one run at a time, started by cron or by assets.

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
    """
    return DAG(
        dag_id,
        schedule=AssetOrTimeSchedule(
            timetable=CronTriggerTimetable(cron, timezone="UTC"), assets=assets
        ),
        catchup=False,
        max_active_runs=1,
        default_args=task_defaults(owner),
        params=params,
        tags=["slipway", *tags],
        description=description or None,
        doc_md=page,
    )


def page(title: str, *, does: str, description: str, dataset: str, spec: str) -> str:
    """Return a DAG's page in Airflow's UI, as Markdown.

    Args:
        title: Title of the page.
        does: Steps of the DAG.
        description: Description from the spec.
        dataset: Dataset at the start of the ring.
        spec: Path of the spec below the project.
    """
    parts = [
        f"## {title}",
        description,
        does,
        "### The ring",
        PICTURE.format(dataset=dataset),
        f"Built from `{spec}`.",
    ]
    return "\n\n".join(part for part in parts if part)
