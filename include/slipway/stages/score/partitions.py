"""Which partitions of event time are due to be scored, and by which run; nothing is scored here.

A partition is due while its scores were not made from the features that there are: its data files
are others than those that were scored, or it was never scored. So a repeated sweep finds nothing,
and a revised batch is scored again. A new champion scores what comes, and leaves what was scored
as it is; so is what the first version was trained on, unless a person asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from slipway.errors import BadParameter, NotFound
from slipway.records.attempts import Attempt
from slipway.records.desired_state import BATCH_FOLDER, first_desired
from slipway.records.run_records import RunRecord, RunRef, find_record
from slipway.records.store import Store, digest
from slipway.stages.model.aliases import CHAMPION
from slipway.stages.model.version_tags import TRAINING_END
from slipway.stages.monitor.collect import difference_to_served
from slipway.stages.monitor.windows import Window, parse_window, window_at
from slipway.stages.rollout.platform import ServedReader

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.registry import ModelVersion

_RUN = re.compile(r"score-(.+)-([0-9a-f]{12})-v([1-9]\d*)(?:-([1-9]\d*))?")


@dataclass(frozen=True)
class DataFile:
    """One data file of a table; it is never written a second time.

    Attributes:
        path: Its name.
        batch: The batch whose rows it holds.
        first: Smallest event time in it.
        last: Largest event time in it.
    """

    path: str
    batch: str
    first: datetime
    last: datetime

    def touches(self, window: Window) -> bool:
        """Whether it may hold rows of a window."""
        return self.first < window.end and self.last >= window.start


@dataclass(frozen=True)
class ScoredPartition:
    """What a partition of the score table was made from.

    Attributes:
        features: Fingerprint of the features.
        version: The model version.
    """

    features: str
    version: int


@dataclass(frozen=True)
class Scoring:
    """One partition to be scored.

    Attributes:
        window: The partition's stretch of event time.
        features: Fingerprint of the features in it.
        version: The model version that scores it.
        turn: Counts, from 1, how often just this was asked for after something else was scored.
    """

    window: Window
    features: str
    version: int
    turn: int = 1

    @property
    def run(self) -> str:
        """Run id, e.g. `score-2013-05-3f9a0c11d2e4-v3`."""
        turn = f"-{self.turn}" if self.turn > 1 else ""
        return f"score-{self.window.name}-{self.features}-v{self.version}{turn}"

    def ref(self, model: str) -> RunRef:
        """The piece of work that scores it."""
        return RunRef(model, self.run, "score")


@dataclass(frozen=True)
class DuePartitions:
    """What there is to score, oldest partition first, and why there is no more."""

    scorings: tuple[Scoring, ...]
    reason: str


class Features(Protocol):
    """Feature tables, file by file."""

    def version(self, table: str) -> int | None:
        """Newest version; None when there is no table."""

    def files(self, table: str, column: str, *, version: int) -> list[DataFile]:
        """Data files of one version, with the span of a timestamp column."""

    def stream(
        self,
        table: str,
        *,
        version: int,
        columns: Sequence[str],
        where: Sequence[tuple[str, str, Any]] = (),
        chunk_rows: int,
    ) -> Iterator[pd.DataFrame]:
        """Rows of one version that meet every condition, a few at a time."""


class Scores(Protocol):
    """Score tables, one per model."""

    def held(self, model: str) -> Mapping[str, ScoredPartition]:
        """What each partition was scored from; an empty partition is not there."""

    def replace(
        self,
        model: str,
        partition: str,
        frames: Iterable[pd.DataFrame],
        *,
        features: str,
        features_version: int,
        attempt: Attempt,
    ) -> int:
        """Replace a partition's rows in one commit; how many there are now.

        Raises:
            Superseded: A newer attempt owns this work, or newer features have been scored.
            CommitConflict: Another commit to the partition came first.
        """


class Registry(Protocol):
    """Who is champion, and the folders of versions."""

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version that an alias names, or None."""

    def version(self, model: str, version: int) -> ModelVersion:
        """One version.

        Raises:
            NotFound: There is no such version.
        """

    def download(self, model: str, version: int, to: Path) -> Path:
        """A version's folder, its digests checked."""


def parse_scoring(run: str, spec: ModelSpec) -> Scoring:
    """What a run id such as `score-2013-05-3f9a0c11d2e4-v3` asks for.

    Raises:
        BadParameter: It is no such run id.
    """
    found = _RUN.fullmatch(run)
    if found is None:
        raise BadParameter(
            "this is no run that scores a partition",
            expected="such as score-2013-05-3f9a0c11d2e4-v3",
            found=run[:60],
        )
    window = parse_window(found[1], spec.deployment.batch.partition)
    return Scoring(window, found[2], int(found[3]), int(found[4] or 1))


def fingerprint(files: Iterable[DataFile]) -> str:
    """Twelve hexadecimal digits that change whenever one of these files is another one."""
    return digest("\n".join(sorted(file.path for file in files)).encode())[:12]


def due_partitions(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    store: Store,
    tables: Features,
    scores: Scores,
    registry: Registry,
    platform: ServedReader,
    asked: tuple[str, str] | None = None,
) -> DuePartitions:
    """The partitions that the champion shall score now.

    Args:
        spec: The model.
        dataset: Its dataset.
        store: Where records and desired states live.
        tables: The features.
        scores: What has been scored.
        registry: Who is champion.
        platform: Which version is in force; while it is another one, nothing is scored.
        asked: First and last partition that a person asks for, scored already or not; none: those
            that are due.

    Raises:
        BadParameter: Nothing can be scored in what is asked for.
    """
    champion = registry.alias(spec.model, CHAMPION)
    if champion is None:
        return DuePartitions((), "no version is champion yet")
    difference = difference_to_served(spec.model, champion, platform)
    if difference is not None:
        return DuePartitions((), difference)
    held = scores.held(spec.model)
    listed = {
        wanted.window.name: wanted
        for wanted in _listed(spec, dataset, champion.version, tables=tables, held=held)
    }
    if asked is not None:
        first, last = asked
        chosen = [wanted for name, wanted in listed.items() if first <= name <= last]
        if not chosen:
            raise BadParameter(
                f"there is nothing to score from {first} to {last}",
                expected=f"a {spec.deployment.batch.partition} with features",
                found=f"features from {min(listed)} to {max(listed)}" if listed else "no features",
            )
        turns = [_turn(store, spec.model, one, held.get(one.window.name)) for one in chosen]
        return DuePartitions(tuple(turns), "a person asked for it")
    since = _since(spec, champion, store=store, registry=registry)
    changed = [
        wanted
        for name, wanted in listed.items()
        if wanted.window.end > since
        and (name not in held or held[name].features != wanted.features)
    ]
    turns = [_turn(store, spec.model, one, held.get(one.window.name)) for one in changed]
    # A stretch without rows leaves a record, and nothing in the table.
    undone = [one for one in turns if find_record(store, one.ref(spec.model)) is None]
    return DuePartitions(tuple(undone), "every other partition has its scores")


def _listed(
    spec: ModelSpec,
    dataset: DatasetSpec,
    version: int,
    *,
    tables: Features,
    held: Iterable[str],
) -> Iterator[Scoring]:
    """Every partition that has scores, or that a file of the features touches; oldest first."""
    table, unit = f"{dataset.dataset}/features", spec.deployment.batch.partition
    newest = tables.version(table)
    files = [] if newest is None else tables.files(table, dataset.event_time, version=newest)
    windows = {parse_window(name, unit) for name in held}
    for file in files:
        window = window_at(file.first, unit)
        while file.touches(window):
            windows.add(window)
            window = window.following()
    for window in sorted(windows, key=lambda one: one.start):
        yield Scoring(window, fingerprint(file for file in files if file.touches(window)), version)


def _since(
    spec: ModelSpec, champion: ModelVersion, *, store: Store, registry: Registry
) -> datetime:
    """Event time up to which the first version that was ever rolled out had been trained."""
    first = champion
    begun = first_desired(store, spec.model, folder=BATCH_FOLDER)
    if begun is not None and begun.weights:
        with suppress(NotFound):
            first = registry.version(spec.model, min(begun.weights))
    end = first.tags.get(TRAINING_END)
    return datetime.fromisoformat(end) if end else datetime.min.replace(tzinfo=UTC)


def _turn(store: Store, model: str, wanted: Scoring, held: ScoredPartition | None) -> Scoring:
    """The run that answers for a partition: the one that did, while it holds, else the next."""
    done: RunRecord | None = None
    turn = wanted
    while (record := find_record(store, turn.ref(model))) is not None:
        done, turn = record, replace(turn, turn=turn.turn + 1)
    if done is None:
        return turn
    in_force = held == ScoredPartition(wanted.features, wanted.version)
    if in_force or (held is None and done.verdict.numbers.get("rows") == 0):
        return replace(turn, turn=turn.turn - 1)
    return turn
