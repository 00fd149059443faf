"""Read the reference of a model version: a sample of the rows that it was trained and judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import NotFound
from slipway.spec.logged_columns import logged_names
from slipway.stages.model.class_scores import SCORE
from slipway.stages.model.decision import threshold_of
from slipway.stages.model.held_out_features import HeldOutFeatures
from slipway.stages.model.held_out_rows import HeldOutRows
from slipway.stages.model.manifest import REFERENCE, REFERENCE_SCORE
from slipway.stages.model.predicted_classes import HALF
from slipway.stages.monitor.quality.check import KnownRows
from slipway.stages.monitor.reference.columns import Columns, monitored_columns, with_answers
from slipway.stages.monitor.reference.reference_counts import unit_of
from slipway.stages.monitor.reference.reference_sample import (
    ReferenceSample,
    from_parts,
    reduce_reference,
    to_parts,
)
from slipway.stages.monitor.reference.version_facts import open_version

if TYPE_CHECKING:
    from datetime import timedelta

    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.registry import Registry

MOST_NAMED = 10

NO_SEASON = "follows the calendar, and the reference has no like season"
"""Why nothing of a column is compared that follows the event time."""


@dataclass(frozen=True)
class Reference:
    """Sample of the rows that a version was trained and evaluated on.

    Attributes:
        sample: Rows with comparable values, and what is learnt from them.
        named: Columns that are watched: the features in the version's manifest, which may differ
            from the present spec, and its score.
        unmonitored: Its features that are not watched, by the reason.
        logged: Name in the log of each of the version's features, by their own.
        held_out: Holdout rows of the version, with labels; None in versions without them.
        threshold: Score above which it predicts class 1.
        note: Sentence on stored objects that were damaged; empty without one.
        held_out_features: Holdout rows with features, under their names in the log; None in
            versions without them.
    """

    sample: ReferenceSample
    named: Columns
    unmonitored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    logged: Mapping[str, str] = field(default_factory=dict)
    held_out: HeldOutRows | None = None
    threshold: float = HALF
    note: str = ""
    held_out_features: HeldOutFeatures | None = None

    @property
    def known(self) -> KnownRows:
        """What the quality of a window's rows is held against."""
        features = [name for name in self.named.names if name not in self.named.answers]
        return KnownRows(self.sample.rows, self.sample.times, features, self.sample.calendar)

    @property
    def columns(self) -> Columns:
        """Columns whose distance is measured."""
        return self.named.without({one.name for one in self.sample.calendar})

    @property
    def left_out(self) -> Mapping[str, tuple[str, ...]]:
        """Features that nothing is compared of, by the reason."""
        unknown = tuple(one.name for one in self.sample.calendar if one.part is None)
        return {**self.unmonitored, **({NO_SEASON: unknown} if unknown else {})}

    def tell_left_out(self) -> str:
        """Return a sentence on those features, to be added to a verdict; empty without one."""
        told = [f"{why} ({_listed(names)})" for why, names in self.left_out.items()]
        return f" Not watched: {'; '.join(told)}." if told else ""


def _listed(names: Sequence[str]) -> str:
    """Names that a verdict has room for."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


@dataclass(frozen=True)
class _Reduction:
    """What the sample of a reference depends on, beside the version's folder."""

    named: str
    time: str
    columns: Columns
    window: timedelta
    logged: Mapping[str, str]
    declared: frozenset[str]
    watched: frozenset[str]

    @property
    def inputs(self) -> dict[str, Any]:
        """The same as JSON."""
        columns = self.columns
        return {
            "time": self.time,
            "numeric": columns.numeric,
            "categorical": columns.categorical,
            "types": dict(columns.types),
            "unit": unit_of(self.window).total_seconds(),
            "declared": sorted(self.declared),
            "watched": sorted(self.watched),
        }

    def of(self, folder: Path) -> ReferenceSample:
        """Return the sample of the reference in a version's folder.

        Raises:
            NotFound: There is none.
        """
        import pandas as pd

        path, columns = folder / REFERENCE, self.columns
        rows = pd.read_parquet(path) if path.exists() else pd.DataFrame()
        if rows.empty:
            raise NotFound(f"{self.named} has no reference", where=REFERENCE)
        in_order = rows.sort_values(self.time, kind="stable").reset_index(drop=True)
        if columns.classes is None:
            # Versions of before call the column like the log's.
            named = [REFERENCE_SCORE if REFERENCE_SCORE in in_order else SCORE]
        else:
            named = [f"{REFERENCE_SCORE}_{code}" for code in range(len(columns.classes))]
        scores = in_order[named].to_numpy()
        logged = {own: name for own, name in self.logged.items() if own in in_order}
        features = in_order[[own for own, name in logged.items() if name in columns.names]]
        features = features.rename(columns=logged)
        answers = scores[:, 0] if columns.classes is None else scores
        return reduce_reference(
            with_answers(features, answers, columns),
            pd.to_datetime(in_order[self.time], utc=True),
            columns,
            window=self.window,
            declared=self.declared,
            watched=self.watched,
        )


def read_reference(
    registry: Registry,
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    version: int,
    window: timedelta,
    store: Store | None = None,
) -> Reference:
    """Read the reference of a model version, reduced once for windows of a length.

    Args:
        registry: Registry that has the version's folder.
        spec: The model.
        dataset: Its dataset.
        version: Number of the version.
        window: Length of a window.
        store: Store in which the reduced reference is kept; None: it is made from the folder.

    Raises:
        NotFound: The registry lost the version, or it has none.
        Tampered: A file differs from its digest.
    """
    with open_version(registry, spec.model, version, store=store) as opened:
        facts = opened.facts()
        manifest, declared = facts.manifest, dataset.streams.features.columns
        columns, unmonitored = monitored_columns(manifest, spec, dataset)
        logged = logged_names(manifest)
        reduction = _Reduction(
            f"{spec.model} version {version}",
            manifest.get("event_time", dataset.identity.time.column),
            columns,
            window,
            logged,
            frozenset(logged[one] for one in logged if one in declared and declared[one].kind),
            frozenset(logged[one] for one in logged if one in declared and declared[one].watch),
        )
        derived = opened.derive(
            "sample", reduction.inputs, lambda: to_parts(reduction.of(opened.folder))
        )
    known = facts.held_out_features
    return Reference(
        from_parts(derived.parts),
        columns,
        unmonitored,
        logged=logged,
        held_out=facts.held_out,
        threshold=threshold_of(manifest),
        note=f"{facts.note}{derived.note}",
        held_out_features=None
        if known is None
        else replace(known, features=known.features.rename(columns=logged)),
    )
