"""Page of a DAG in Airflow's UI."""

from __future__ import annotations

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


def dag_page(title: str, *, does: str, description: str, dataset: str, spec: str) -> str:
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
