"""Read the reference of a model version: a sample of the rows that it was trained and judged on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from slipway.errors import NotFound
from slipway.records.scratch_folder import scratch_folder
from slipway.spec.logged_columns import logged_names
from slipway.stages.model.class_scores import SCORE
from slipway.stages.model.decision import threshold_of
from slipway.stages.model.held_out_rows import HeldOutRows, read_held_out
from slipway.stages.model.manifest import REFERENCE, REFERENCE_SCORE, open_sealed
from slipway.stages.model.predicted_classes import HALF
from slipway.stages.monitor.columns import Columns, monitored_columns, tidy, with_answers
from slipway.stages.monitor.quality.calendar_columns import CalendarColumn, find_calendar_columns
from slipway.stages.monitor.quality.check import KnownRows
from slipway.stages.monitor.watched_version import watched_version

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.registry import Registry

MAX_ROWS = 20_000
"""Largest sample; distances converge long before, and the report stays small."""

MOST_NAMED = 10

NO_SEASON = "follows the calendar, and the reference has no like season"
"""Why nothing of a column is compared that follows the event time."""


@dataclass(frozen=True)
class Reference:
    """Sample of the rows that a version was trained and evaluated on.

    Attributes:
        rows: Raw features and `score`, ordered by event time.
        times: Their event times.
        named: Columns that are watched: the features in the version's manifest, which may differ
            from the present spec, and its score.
        unmonitored: Its features that are not watched, by the reason.
        declared: Features that the dataset calls `kind: calendar`.
        watched: Features that it watches like any other, whatever they follow.
        logged: Name in the log of each of the version's features, by their own.
        held_out: Holdout rows of the version, with labels; None in versions without them.
        threshold: Score above which it predicts class 1.
    """

    rows: pd.DataFrame
    times: pd.Series[Any]
    named: Columns
    unmonitored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    declared: Collection[str] = ()
    watched: Collection[str] = ()
    logged: Mapping[str, str] = field(default_factory=dict)
    held_out: HeldOutRows | None = None
    threshold: float = HALF

    @cached_property
    def tidied(self) -> pd.DataFrame:
        """The rows, at most `MAX_ROWS`, with comparable values."""
        kept = self.rows.iloc[:: -(-len(self.times) // MAX_ROWS)]
        return tidy(kept, self.named).reset_index(drop=True)

    @property
    def tidied_times(self) -> pd.Series[Any]:
        """Their event times."""
        return self.times.iloc[:: -(-len(self.times) // MAX_ROWS)].reset_index(drop=True)

    @cached_property
    def calendar(self) -> tuple[CalendarColumn, ...]:
        """Features that follow the event time, which have no distance."""
        answers = self.named.answers
        features = self.tidied[[name for name in self.tidied if name not in answers]]
        return tuple(
            find_calendar_columns(
                features,
                self.tidied_times,
                numeric=self.named.numeric,
                declared=self.declared,
                watched=self.watched,
            )
        )

    @property
    def known(self) -> KnownRows:
        """What the quality of a window's rows is held against."""
        features = [name for name in self.named.names if name not in self.named.answers]
        return KnownRows(self.tidied, self.tidied_times, features, self.calendar)

    @property
    def columns(self) -> Columns:
        """Columns whose distance is measured."""
        return self.named.without({one.name for one in self.calendar})

    @property
    def left_out(self) -> Mapping[str, tuple[str, ...]]:
        """Features that nothing is compared of, by the reason."""
        unknown = tuple(one.name for one in self.calendar if one.part is None)
        return {**self.unmonitored, **({NO_SEASON: unknown} if unknown else {})}

    def tell_left_out(self) -> str:
        """Return a sentence on those features, to be added to a verdict; empty without one."""
        told = [f"{why} ({_listed(names)})" for why, names in self.left_out.items()]
        return f" Not watched: {'; '.join(told)}." if told else ""


def _listed(names: Sequence[str]) -> str:
    """Names that a verdict has room for."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def read_reference(
    registry: Registry, spec: ModelSpec, dataset: DatasetSpec, *, version: int
) -> Reference:
    """Read the reference in a model version's folder.

    Raises:
        NotFound: The registry lost the version, or it has none.
        Tampered: A file differs from its digest.
    """
    import pandas as pd

    watched_version(spec.model, version, registry=registry)
    with scratch_folder("slipway-reference-", needs="the version's folder") as scratch:
        folder = registry.download(spec.model, version, scratch)
        manifest = open_sealed(folder)
        path = folder / REFERENCE
        rows = pd.read_parquet(path) if path.exists() else None
        held_out = read_held_out(folder)
    if rows is None or rows.empty:
        raise NotFound(f"{spec.model} version {version} has no reference", where=REFERENCE)
    columns, unmonitored = monitored_columns(manifest, spec, dataset)
    time = manifest.get("event_time", dataset.identity.time.column)
    in_order = rows.sort_values(time, kind="stable").reset_index(drop=True)
    if columns.classes is None:
        # Versions of before call the column like the log's.
        named = [REFERENCE_SCORE if REFERENCE_SCORE in in_order else SCORE]
    else:
        named = [f"{REFERENCE_SCORE}_{code}" for code in range(len(columns.classes))]
    scores = in_order[named].to_numpy()
    logged = {own: name for own, name in logged_names(manifest).items() if own in in_order}
    features = in_order[[own for own, name in logged.items() if name in columns.names]]
    features = features.rename(columns=logged)
    answered = with_answers(features, scores[:, 0] if columns.classes is None else scores, columns)
    declared = dataset.streams.features.columns
    return Reference(
        answered,
        pd.to_datetime(in_order[time], utc=True),
        columns,
        unmonitored,
        declared={logged[one] for one in logged if one in declared and declared[one].kind},
        watched={logged[one] for one in logged if one in declared and declared[one].watch},
        logged=logged_names(manifest),
        held_out=held_out,
        threshold=threshold_of(manifest),
    )
