"""What every DAG of the ring has in common: its schedule, its defaults and its page in the UI."""

from __future__ import annotations

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param
from airflow.sdk.definitions.asset import BaseAsset

from slipway.orchestration.task_policies import task_defaults

PICTURE = """\
```
 files landing ──▶ {dataset}__ingest ──batch──▶ <model>__train ──challenger──▶ <model>__deploy
                                       │              ▲                              │
                                       └─batch──▶ <model>__monitor ◀── predictions ──┘
                                                      └── retrain request ──▶ <model>__train
```
Every run asks the store what there is to do; assets and cron only decide when it asks.
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
    """An empty DAG that runs one at a time, on a cron sweep or when an asset says so.

    It has no start date: with one, Airflow makes a run for a tick that lies in the past.

    Args:
        dag_id: `<dataset or model>__<activity>`.
        cron: When it sweeps, UTC.
        assets: What else starts it.
        params: What a person may ask.
        owner: Who answers for it.
        tags: Besides `slipway`.
        description: From the spec.
        page: What this DAG does, in Markdown.
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
    """A DAG's page in Airflow's UI, as Markdown.

    Args:
        title: Of the page.
        does: What the DAG does.
        description: From the spec.
        dataset: Whose arrival starts the ring.
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
