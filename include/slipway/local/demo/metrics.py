"""What the year's answers were worth, beside never retraining and retraining every month."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import track

from slipway.adapters.metrics import measure
from slipway.adapters.model_package import load_package
from slipway.local.demo.scoreboard import Month
from slipway.local.demo.simulator import Player
from slipway.records import requests
from slipway.stages.model.labelled_rows import Snapshot, read_labelled

if TYPE_CHECKING:
    import pandas as pd

METRIC = "roc_auc"


def figures(player: Player) -> list[Month]:
    """Every month that was asked about, judged by the labels that came later."""
    followed = _what_followed(player)
    with tempfile.TemporaryDirectory() as folder:
        path = player.shop.registry.download(player.model.model, 1, Path(folder) / "first")
        first = load_package(path)
    months = []
    for name, asked in track(
        list(player.asked.items()), "judging the year", console=player.console, transient=True
    ):
        rows = _judged_rows(player, name)
        scores = {
            "served": rows["score"],
            "never": first.predict(rows),
            "monthly": _retrained(player, before=_start(name), rows=rows),
        }
        worth = {
            kind: measure([METRIC], actual=rows[player.model.target], scores=given)[METRIC]
            for kind, given in scores.items()
        }
        months.append(
            Month(
                name=name,
                rows=len(rows),
                versions="+".join(sorted(asked.versions, key=int)),
                retrained=followed.get(name, ""),
                **{kind: float("nan") if auc is None else auc for kind, auc in worth.items()},
            )
        )
    return months


def _judged_rows(player: Player, month: str) -> pd.DataFrame:
    """Answers of a month with their labels, one row per flight."""
    import pandas as pd

    start = _start(month)
    answers = player.shop.log.read(player.model.model, start, _next(start))
    answers = answers.drop_duplicates("key", keep="last")
    truth = pd.read_csv(player.sample / "labels" / f"{month}.csv")
    target = player.model.target
    labels = truth[[player.dataset.key, target]].rename(columns={player.dataset.key: "key"})
    return answers.merge(labels.dropna(), on="key")


def _retrained(player: Player, *, before: datetime, rows: pd.DataFrame) -> pd.Series:
    """Scores of a model that learnt from everything before a moment."""
    import pandas as pd

    tables, dataset, model = player.shop.tables, player.dataset, player.model
    now = Snapshot(
        features_version=tables.version(f"{dataset.dataset}/features") or 0,
        labels_version=tables.version(f"{dataset.dataset}/labels") or 0,
        as_of=datetime.max.replace(tzinfo=UTC),
    )
    known = read_labelled(tables, dataset, now, columns=model.features.names, target=model.target)
    learnt_from = known[known[dataset.event_time] < before]
    learnt = player.shop.learner(model, dataset).learn(learnt_from)
    return pd.Series(learnt.predict(rows), index=rows.index)


def _what_followed(player: Player) -> dict[str, str]:
    """Accepted requests and their outcome, by the month whose window led to them."""
    told = {}
    for request in requests.all_requests(player.shop.store, player.model.model):
        answer = requests.find_answer(player.shop.store, request)
        if answer is not None:
            asked = datetime.fromisoformat(request.at)
            month = asked.replace(day=1) - timedelta(days=1)
            told[f"{month:%Y-%m}"] = f"{request.kind}: {answer.outcome}"
    return told


def _start(month: str) -> datetime:
    return datetime.fromisoformat(f"{month}-01T00:00:00+00:00")


def _next(start: datetime) -> datetime:
    return (start + timedelta(days=32)).replace(day=1)
