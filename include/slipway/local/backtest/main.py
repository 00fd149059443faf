"""Backtest a model: play its history under several policies, compare, recommend."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from slipway.errors import BadParameter
from slipway.local.backtest.folder_lock import locked
from slipway.local.backtest.lane_container import LaneFolders
from slipway.local.backtest.measure import MeasuredModels
from slipway.local.backtest.picture import draw
from slipway.local.backtest.play_lanes import LaneJob, play_lanes
from slipway.local.backtest.played_log import Scores
from slipway.local.backtest.report import describe_picture, sections_of
from slipway.local.backtest.source import Source, find_source
from slipway.local.backtest.span import within
from slipway.local.backtest.timeline import Timeline, ingest_history
from slipway.local.backtest.write_rules import kept_limits, write_rules
from slipway.local.progress import shown_progress
from slipway.local.replay.history import History, split_history
from slipway.local.replay.periods import PastArrivals
from slipway.local.replay.raw_rows import read_history
from slipway.records.store import digest, encode
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.backtest.compare import Compared, compare
from slipway.stages.backtest.policies import Policy, chosen_policies, usual_policies
from slipway.stages.backtest.recommend import Recommendation, recommend
from slipway.stages.backtest.results import PlayedPolicy
from slipway.stages.monitor.windows.windows import Unit
from slipway.stages.report.blocks import as_markdown, as_text
from slipway.wiring import Container
from slipway.wiring.scratch_container import ScratchContainer


@dataclass(frozen=True)
class Asked:
    """What a backtest is asked for.

    Attributes:
        model: Name of the model.
        file: A file, or a folder of files; None: see `find_source`.
        by: Length of a period; None: the window of the model's monitoring.
        label_delay: Days until a label is known; None: as it arrived where that is recorded, else
            the model's label horizon.
        since: First moment of event time; None: from the beginning.
        until: Moment after the last; None: to the end.
        parts: Deliveries into which rows without an event time are cut; None: one for each file.
        order: Column by which they are put in order before; None: as the files have them.
        policies: Names of policies; empty: the usual ones.
        grid: Whether the spec's own numbers are varied, too.
        rows: Most rows of a period that are predicted; None: all.
        jobs: Policies that are played at a time.
        out: Folder of the results; None: `.slipway/backtest/<model>` in the project.
    """

    model: str
    file: Path | None = None
    by: Unit | None = None
    label_delay: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    parts: int | None = None
    order: str | None = None
    policies: Sequence[str] = ()
    grid: bool = False
    rows: int | None = None
    jobs: int = 1
    out: Path | None = None


@dataclass(frozen=True)
class Backtest:
    """A backtest that was played to its end.

    Attributes:
        model: Spec of the model.
        policies: Its policies.
        compared: What came of them.
        advice: Recommendation.
        source: Where the history is from, in words.
        labels: When labels were taken to be known, in words.
        folder: Folder of the results.
    """

    model: ModelSpec
    policies: Sequence[Policy]
    compared: Compared
    advice: Recommendation
    source: str
    labels: str
    folder: Path

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain JSON."""
        compared = self.compared
        return {
            "model": self.model.model,
            "metric": self.model.monitoring.performance.metric,
            "source": self.source,
            "labels_known": self.labels,
            "windows": [vars(one) for one in compared.windows],
            "policies": [one.to_json() for one in compared.figures],
            "best": compared.best,
            "recommended": self.advice.to_json(),
        }


def backtest(asked: Asked, *, console: Console) -> Backtest:
    """Play, compare and recommend; write `backtest.json`, `backtest.md` and `backtest.png`.

    Args:
        asked: What is asked for.
        console: Output of the progress.

    Raises:
        SlipwayError: There is no history, or it cannot be played.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    own = Container()
    model = own.model(asked.model)
    dataset = own.dataset(model.dataset)
    by = asked.by or _period(model)
    policies = _policies(asked, model, by)
    folder = (asked.out or own.settings.project / ".slipway" / "backtest" / model.model).absolute()
    with locked(folder), shown_progress(console, "reading the history") as tell:
        source = find_source(asked.file, dataset, own=own, folder=folder, tell=tell)
        playing = _Playing(asked, model, dataset, by, own, folder)
        timeline, place, known = playing.ingest(source, tell)
        jobs = playing.jobs(policies, timeline, place)
        played = play_lanes(jobs, parallel=asked.jobs, tell=tell)
        tell("measuring the windows")
        compared = _compare(played, model, jobs[0])
    done = Backtest(
        model,
        policies,
        compared,
        advice=recommend(compared),
        source=source.about,
        labels=known,
        folder=folder,
    )
    _write(done)
    return done


@dataclass(frozen=True)
class _Playing:
    asked: Asked
    model: ModelSpec
    dataset: DatasetSpec
    by: Unit
    own: Container
    folder: Path

    def ingest(self, source: Source, tell: Callable[[str], None]) -> tuple[Timeline, Path, str]:
        """Ingest the history, or go on with it; return it, its folder, and when labels come."""
        place = self.folder / self._identity(source)
        container = ScratchContainer(self.own.settings.project, place / "history")
        container.pin_specs(self.model, self.dataset)
        place.mkdir(parents=True, exist_ok=True)
        history = self._history(source, tell)
        timeline = ingest_history(history, container, folder=place, tell=tell)
        return timeline, place, history.labels_known(self._label_delay)

    def _history(self, source: Source, tell: Callable[[str], None]) -> History:
        asked = self.asked
        tell("reading the rows")
        arrived = source.arrived if asked.label_delay is None else None
        raw = read_history(source.place, self.dataset, self.own, arrived=arrived)
        raw = within(raw, self.dataset, since=asked.since, until=asked.until)
        return split_history(
            raw,
            self.dataset,
            by=self.by,
            label_delay=timedelta(days=self._label_delay),
            arrivals=PastArrivals(asked.parts, asked.order, datetime(2000, 1, 1, tzinfo=UTC)),
        )

    @property
    def _label_delay(self) -> float:
        given = self.asked.label_delay
        return self.model.monitoring.label_horizon_days if given is None else given

    def _identity(self, source: Source) -> str:
        """What makes two histories the same."""
        asked = self.asked
        times = [None if one is None else one.isoformat() for one in (asked.since, asked.until)]
        facts: list[object] = [
            *(source.digest(), self.dataset.model_dump(mode="json"), self.by),
            *(self._label_delay, times, asked.parts, asked.order),
        ]
        if asked.label_delay is None and source.arrived:
            facts.append(
                sorted(
                    (file.name, one.first.isoformat(), one.newest.isoformat())
                    for file, one in source.arrived.items()
                )
            )
        return f"history-{digest(encode(facts))[:12]}"

    def jobs(self, policies: Sequence[Policy], timeline: Timeline, place: Path) -> list[LaneJob]:
        """Return the policies as jobs, each with a folder by all that it depends on."""
        project, code = self.own.settings.project, replace(self.own.code(), bills={})
        pipeline_py = self.own.learner(self.model, self.dataset).pipeline_py
        rows = "all" if self.asked.rows is None else str(self.asked.rows)
        found = []
        for policy in policies:
            rules = policy.spec.model_dump(mode="json", exclude={"description", "owner"})
            facts = [rules, pipeline_py, rows, code.lock_sha256]
            lane = place / "lanes" / f"{policy.name.replace('/', '-')}-{digest(encode(facts))[:12]}"
            folders = LaneFolders(project, lane, place / "fits", place / f"scores-{rows}")
            found.append(LaneJob(policy, self.dataset, folders, timeline, self.asked.rows, code))
        return found


def _period(model: ModelSpec) -> Unit:
    """Period of a model's windows; of hours a day, which many histories have too many of."""
    window = model.monitoring.window
    return "day" if window == "hour" else window


def _policies(asked: Asked, model: ModelSpec, by: Unit) -> list[Policy]:
    if asked.policies:
        names = [*asked.policies, *(["grid"] if asked.grid else [])]
        return chosen_policies(names, model, by=by)
    return usual_policies(model, by=by, grid=asked.grid)


def _compare(played: Sequence[PlayedPolicy], model: ModelSpec, job: LaneJob) -> Compared:
    rows = job.rows()
    models = {fit: one for policy in played for fit, one in policy.models.items()}
    measured = MeasuredModels(model, rows, Scores(rows, job.folders.scores), models)
    compared = compare(played, measured.windows(), measured)
    if compared is None:
        told = [asked.told for policy in played for asked in policy.requests]
        raise BadParameter(
            "no policy has served a window whose labels are known",
            expected="a history that is longer than the first training and its gates need",
            found=told[-1]
            if told
            else f"too few labels: {model.retraining.first_after_labels} "
            "are needed (retraining.first_after_labels)",
            hint="give a longer history, shorter periods (--by), or see `slipway try`",
        )
    return compared


def _write(done: Backtest) -> None:
    metric, name = done.model.monitoring.performance.metric, done.model.model
    sections = sections_of(
        done.compared, done.advice, metric=metric, source=done.source, labels=done.labels
    )
    picture = f"![{describe_picture(done.compared, metric=metric)}](backtest.png)"
    title, _, rest = as_markdown(f"slipway backtest {name}", sections).partition("\n")
    (done.folder / "backtest.md").write_text(f"{title}\n\n{picture}\n{rest}", encoding="utf-8")
    text = json.dumps(done.to_json(), indent=2, ensure_ascii=False)
    (done.folder / "backtest.json").write_text(text, encoding="utf-8")
    draw(
        done.compared,
        done.folder / "backtest.png",
        metric=metric,
        title=f"{name}: {metric} by policy of retraining (rings: a challenger took over)",
    )


def write_recommended(done: Backtest, *, console: Console) -> None:
    """Write the recommended policy into the model's spec, and print what has changed."""
    policy = next(one for one in done.policies if one.name == done.advice.name)
    file = Container().settings.models_folder / done.model.model / "model.yaml"
    changed = write_rules(policy, done.model, file)
    for line in changed:
        console.print(f"written to {file.name}: {line}", markup=False)
    if not changed:
        console.print(f"{file.name} has these rules already", markup=False)
    for line in kept_limits(policy, done.model):
        console.print(f"kept, though it was played without: {line}", markup=False)


def show(done: Backtest, *, console: Console, began: float) -> None:
    """Print the report of a backtest."""
    metric = done.model.monitoring.performance.metric
    sections = sections_of(
        done.compared, done.advice, metric=metric, source=done.source, labels=done.labels
    )
    console.print(Text(as_text([sections[0], sections[1], sections[3]])))
    console.print()
    console.print(f"{time.monotonic() - began:.0f} s; report: {done.folder / 'backtest.md'}")
