"""List the partitions of event time that are due to be scored, and the run that scores each.

A partition is due while its scores were not made from its present data files and those that hold
its keys in other partitions, or were never made. So a repeated sweep finds nothing, and a revised
batch is scored again, as is a partition that lost a key to another one. A new champion scores new
partitions only, and partitions that the first version was trained on stay unscored, unless a
person requests them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slipway.errors import BadParameter, NotFound
from slipway.records.desired_state import BATCH_FOLDER, first_desired
from slipway.records.run_records import RunRecord, RunRef, find_record
from slipway.records.store import Store
from slipway.stages.model.named_champion import named_champion
from slipway.stages.model.version_tags import TRAINING_END
from slipway.stages.monitor.windows.windows import Window, overlapping_windows, parse_window
from slipway.stages.ports.scores import FeatureTables, ScoredPartition, Scores
from slipway.stages.rollout.platform import ServedReader
from slipway.stages.rollout.served_difference import difference_to_served
from slipway.stages.score.shared_keys import SharedKeys, find_shared_keys

if TYPE_CHECKING:
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.registry import ModelVersion, Registry

_RUN = re.compile(r"score-(.+)-([0-9a-f]{12})-v([1-9]\d*)(?:-([1-9]\d*))?")


@dataclass(frozen=True)
class Scoring:
    """Scoring of one partition.

    Attributes:
        window: Window of event time.
        features: Fingerprint of its features.
        version: Model version that scores it.
        turn: Number from 1, raised when the same scoring is needed again after another one.
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
        """Run record of the scoring."""
        return RunRef(model, self.run, "score")


@dataclass(frozen=True)
class DuePartitions:
    """Partitions to score, oldest first, and the reason why there are no others."""

    scorings: tuple[Scoring, ...]
    reason: str


def parse_scoring(run: str, spec: ModelSpec) -> Scoring:
    """Parse a run id such as `score-2013-05-3f9a0c11d2e4-v3`.

    Raises:
        BadParameter: It is no such run id.
    """
    found = _RUN.fullmatch(run)
    if found is None:
        raise BadParameter(
            "this is not the run id of a scoring",
            expected="such as score-2013-05-3f9a0c11d2e4-v3",
            found=run[:60],
        )
    window = parse_window(found[1], spec.deployment.batch.partition)
    return Scoring(window, found[2], int(found[3]), int(found[4] or 1))


def due_partitions(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    store: Store,
    tables: FeatureTables,
    scores: Scores,
    registry: Registry,
    platform: ServedReader,
    asked: tuple[str, str] | None = None,
) -> DuePartitions:
    """List the partitions that the champion scores now.

    Args:
        spec: The model.
        dataset: Its dataset.
        store: Store of records and desired states.
        tables: Features.
        scores: Score table.
        registry: Aliases and versions.
        platform: Version in force; while it differs from the champion, nothing is scored.
        asked: First and last partition that a person requests, scored already or not; None: those
            that are due.

    Raises:
        BadParameter: No partition in the requested range can be scored.
        NotFound: The registry lost the champion.
    """
    champion = named_champion(spec.model, to_be="scored", store=store, registry=registry)
    if champion is None:
        return DuePartitions((), "no version is champion yet")
    difference = difference_to_served(spec.model, store=store, registry=registry, platform=platform)
    if difference is not None:
        return DuePartitions((), difference)
    held = scores.held(spec.model)
    listed = {
        wanted.window.name: wanted
        for wanted in _listed(
            spec, dataset, champion.version, store=store, tables=tables, held=held
        )
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
    # A partition without rows leaves a record, and nothing in the table.
    undone = [one for one in turns if find_record(store, one.ref(spec.model)) is None]
    return DuePartitions(tuple(undone), "every other partition has its scores")


def _listed(
    spec: ModelSpec,
    dataset: DatasetSpec,
    version: int,
    *,
    store: Store,
    tables: FeatureTables,
    held: Iterable[str],
) -> Iterator[Scoring]:
    """Partitions that have scores or features, oldest first."""
    table, unit = f"{dataset.dataset}/features", spec.deployment.batch.partition
    newest = tables.version(table)
    features = SharedKeys(())
    if newest is not None:
        features = find_shared_keys(
            spec, dataset, store=store, tables=tables, version=newest, complete=True
        )
    windows = {parse_window(name, unit) for name in held}
    for file in features.files:
        windows.update(overlapping_windows(file.first, file.last, unit))
    for window in sorted(windows, key=lambda one: one.start):
        yield Scoring(window, features.fingerprint(window), version)


def _since(
    spec: ModelSpec, champion: ModelVersion, *, store: Store, registry: Registry
) -> datetime:
    """Event time up to which the first version ever rolled out was trained."""
    first = champion
    begun = first_desired(store, spec.model, folder=BATCH_FOLDER)
    if begun is not None and begun.weights:
        with suppress(NotFound):
            first = registry.version(spec.model, min(begun.weights))
    end = first.tags.get(TRAINING_END)
    return datetime.fromisoformat(end) if end else datetime.min.replace(tzinfo=UTC)


def _turn(store: Store, model: str, wanted: Scoring, held: ScoredPartition | None) -> Scoring:
    """Run of a partition: the one whose scores are in force, else the next one."""
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
