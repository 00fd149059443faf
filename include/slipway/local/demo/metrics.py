"""AUC of the year's predictions, beside never retraining and retraining every month."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import track

from slipway.adapters.metrics import measure
from slipway.local.demo.scoreboard import Month
from slipway.local.demo.simulator import Simulator
from slipway.records import requests
from slipway.stages.model.label_rows import labels_table
from slipway.stages.model.labelled_rows import Snapshot, read_labelled

if TYPE_CHECKING:
    import pandas as pd

METRIC = "roc_auc"


def figures(simulator: Simulator) -> list[Month]:
    """Return the figures of every month with predictions, by the labels that came later."""
    followed = _retrainings(simulator)
    with tempfile.TemporaryDirectory() as folder:
        path = simulator.container.registry.download(
            simulator.model.model, 1, Path(folder) / "first"
        )
        first = simulator.container.load_package(path)
    months = []
    for name, result in track(
        list(simulator.results.items()),
        "computing the AUC of each month",
        console=simulator.console,
        transient=True,
    ):
        rows = _labelled_rows(simulator, name)
        scores = {
            "served": rows["score"],
            "never": first.predict(rows),
            "monthly": _retrained(simulator, before=_start(name), rows=rows),
        }
        aucs = {
            kind: measure([METRIC], actual=rows[simulator.model.target], scores=given)[METRIC]
            for kind, given in scores.items()
        }
        months.append(
            Month(
                name=name,
                rows=len(rows),
                versions="+".join(sorted(result.versions, key=int)),
                retrained=followed.get(name, ""),
                **{kind: float("nan") if auc is None else auc for kind, auc in aucs.items()},
            )
        )
    return months


def _labelled_rows(simulator: Simulator, month: str) -> pd.DataFrame:
    """Return the predictions of a month with their labels, one row per key."""
    import pandas as pd

    start = _start(month)
    answers = simulator.container.log.read(simulator.model.model, start, _next(start))
    answers = answers.drop_duplicates("key", keep="last")
    truth = pd.read_csv(simulator.sample / "labels" / f"{month}.csv")
    target = simulator.model.target
    labels = truth[[simulator.dataset.identity.key.column, target]].rename(
        columns={simulator.dataset.identity.key.column: "key"}
    )
    return answers.merge(labels.dropna(), on="key")


def _retrained(simulator: Simulator, *, before: datetime, rows: pd.DataFrame) -> pd.Series:
    """Return the scores of a model trained on everything before a moment."""
    import pandas as pd

    tables, dataset, model = simulator.container.tables, simulator.dataset, simulator.model
    now = Snapshot(
        features_version=tables.version(f"{dataset.dataset}/features") or 0,
        labels_version=tables.version(labels_table(dataset)) or 0,
        as_of=datetime.max.replace(tzinfo=UTC),
    )
    known = read_labelled(tables, dataset, now, columns=model.features.names, target=model.target)
    training_rows = known[known[dataset.identity.time.column] < before]
    trained = simulator.container.learner(model, dataset).learn(training_rows)
    return pd.Series(trained.predict(rows), index=rows.index)


def _retrainings(simulator: Simulator) -> dict[str, str]:
    """Return requests with their result, by the month whose window led to them."""
    found = {}
    for request in requests.all_requests(simulator.container.store, simulator.model.model):
        answer = requests.find_answer(simulator.container.store, request)
        if answer is not None:
            filed = datetime.fromisoformat(request.at)
            month = filed.replace(day=1) - timedelta(days=1)
            found[f"{month:%Y-%m}"] = f"{request.kind}: {answer.outcome}"
    return found


def _start(month: str) -> datetime:
    return datetime.fromisoformat(f"{month}-01T00:00:00+00:00")


def _next(start: datetime) -> datetime:
    return (start + timedelta(days=32)).replace(day=1)
