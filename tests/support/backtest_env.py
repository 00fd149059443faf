"""A history of ferry crossings, split by days, on which policies are played."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from slipway.local.backtest.lane import Lane
from slipway.local.backtest.lane_container import LaneFolders
from slipway.local.backtest.played_log import AskedRows
from slipway.local.backtest.timeline import Timeline, ingest_history
from slipway.local.replay.history import split_history
from slipway.local.replay.periods import PastArrivals
from slipway.local.replay.raw_rows import read_history
from slipway.records import requests
from slipway.records.run_records import RunRef, find_record
from slipway.stages.backtest.policies import Policy, chosen_policies
from slipway.stages.model.provenance import CodeState
from slipway.wiring.scratch_container import ScratchContainer
from tests.e2e import ferry_project
from tests.fakes.plain_suites import PlainSuites

MODEL = ferry_project.MODEL.replace("first_after_labels: 700", "first_after_labels: 500")


def write_project(root: Path) -> Path:
    """Write the specs of the ferries."""
    ferry_project.write_specs(root)
    (root / "include/models/ferry_delay/model.yaml").write_text(MODEL)
    return root


def write_days(folder: Path, days: int, *, turn: int | None = None) -> Path:
    """Write days of crossings and their labels as two files.

    Args:
        folder: Folder.
        days: Number of days.
        turn: Day from which lateness follows the opposite of the wind; None: never.
    """
    rows = pd.concat(
        [ferry_project.day(one, turned=turn is not None and one >= turn) for one in range(days)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    rows.drop(columns="late").to_csv(folder / "days.csv", index=False)
    rows[["crossing", "late"]].to_csv(folder / "answers.csv", index=False)
    return folder


class Played:
    """Lanes of one history.

    Args:
        project: Project of the ferries.
        files: Folder of its history.
        out: Folder of what is played.
    """

    def __init__(self, project: Path, files: Path, out: Path) -> None:
        self.project, self.out = project, out
        history = ScratchContainer(project, out / "history")
        history.suites = PlainSuites()  # type: ignore[assignment]
        self.dataset = history.dataset("ferries")
        self.model = history.model("ferry_delay")
        out.mkdir(parents=True, exist_ok=True)
        split = split_history(
            read_history(files, self.dataset, history),
            self.dataset,
            by="day",
            label_delay=timedelta(0),
            arrivals=PastArrivals(None, None, datetime(2026, 1, 1, tzinfo=UTC)),
        )
        self.timeline: Timeline = ingest_history(split, history, folder=out, tell=lambda _: None)

    def policy(self, name: str) -> Policy:
        """Return a policy of the model."""
        return chosen_policies([name], self.model, by="day")[0]

    def lane(self, name: str) -> Lane:
        """Return the lane of a policy, where it was left."""
        rows = AskedRows(self.timeline, self.dataset, most=None)
        folders = LaneFolders(
            self.project, self.out / "lanes" / name, self.out / "fits", self.out / "scores"
        )
        code = CodeState("unknown", "unknown")
        return Lane(self.policy(name), self.dataset, folders=folders, rows=rows, code=code)

    def play(self, name: str) -> Lane:
        """Play a policy to its end."""
        lane = self.lane(name)
        lane.play(lambda _: None)
        return lane


def decisions(lane: Lane) -> list[tuple[int, str, str, str, str]]:
    """Return step, kind, action, outcome and reasons of every request of a lane."""
    store, found = lane.container.store, []
    for request in requests.all_requests(store, "ferry_delay"):
        decision = requests.find_decision(store, request)
        answer = requests.find_answer(store, request)
        words = [
            request.reason,
            decision.reason if decision else "",
            answer.reason if answer else "",
        ]
        step = lane.progress.filed[request.number]
        action, outcome = decision.action if decision else "", answer.outcome if answer else ""
        found.append((step, request.kind, action, outcome, " ".join(words)))
    return found


def measured(lane: Lane, number: int) -> dict[str, object]:
    """Return what evaluation measured for a request."""
    record = find_record(
        lane.container.store, RunRef("ferry_delay", requests.run_of(number), "evaluate")
    )
    return {} if record is None else dict(record.verdict.numbers)
