"""Spec of a dataset: two streams, features and labels, joined by a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from slipway.spec.base import Name, Spec, SpecConflict
from slipway.spec.cron import Cron
from slipway.spec.csv import Csv, check_marks
from slipway.spec.dataset_column import Column
from slipway.spec.declared_identity import declared_identity
from slipway.spec.expectation_values import cast_arguments
from slipway.spec.identity import RowIdentity
from slipway.spec.identity_fields import (
    EventTimeField,
    KeyField,
    require_event_time,
    require_key,
    require_no_personal_identity,
)
from slipway.spec.pods import Pods, Runtime, check_runtime
from slipway.spec.sources import SourceName
from slipway.spec.watched_columns import require_no_watched_label
from slipway.values.value_types import ColumnType

StreamName = Literal["features", "labels"]


class Expectation(Spec):
    """One Great Expectations expectation, by its own snake-case name and arguments."""

    expect: str = Field(
        description="Great Expectations name, e.g. `expect_column_values_to_be_between`."
    )
    severity: Literal["critical", "warning"] = Field(
        default="critical",
        description="`critical` quarantines the rows or blocks the batch; `warning` is recorded.",
    )
    kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="Its arguments. Values of a column are cast to the column's type; a time is "
        "ISO 8601, in UTC without an offset.",
    )

    def cast_to(self, types: Mapping[str, ColumnType]) -> Expectation:
        """Return the expectation with its values cast; `slipway check` names those that are not."""
        cast, _ = cast_arguments(self.expect, self.kwargs, types)
        return self.model_copy(update={"kwargs": cast})


class Stream(Spec):
    """One stream: features or labels."""

    columns: dict[str, Column] = Field(min_length=1, description="Columns by name.")
    quarantine_max_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="A batch with a larger share of bad rows is blocked as a whole.",
    )

    @property
    def personal(self) -> frozenset[str]:
        """Names of the personal columns."""
        return frozenset(name for name, one in self.columns.items() if one.pii is not None)


class Labels(Stream):
    """The stream of labels: in files of their own, or in those of the features."""

    model_config = ConfigDict(serialize_by_alias=True)

    stands_in: Literal["features"] | None = Field(
        default=None,
        alias="from",
        description="`features`: the labels stand in the features' own files, and their columns "
        "are listed without the key. None: they are delivered in files of their own.",
    )


class Arrival(Spec):
    """Detection of deliveries."""

    poll_seconds: float = Field(
        default=5.0, ge=0.1, le=3600, description="Interval of the landing trigger."
    )
    settle_seconds: float = Field(
        default=2.0,
        ge=0,
        le=86_400,
        description="A file is complete when it has not changed for so long.",
    )
    event_time_tolerance_days: float = Field(
        default=31,
        gt=0,
        le=36_525,
        description="A row is bad whose event time is later by more than this than the newest "
        "plausible one, or than the wall clock. The default is the longest window, a month; "
        "raise it where events are planned further ahead or lie further apart.",
    )
    cron: Cron = Field(
        default="*/15 * * * *", description="Sweep for deliveries without an event (wall time)."
    )


class Streams(Spec):
    """The two streams."""

    features: Stream = Field(description="Known at prediction time.")
    labels: Labels = Field(description="Arrive later, joined by the key.")

    @property
    def in_one_file(self) -> bool:
        """Whether the labels stand in the features' own files."""
        return self.labels.stands_in is not None

    @property
    def delivered(self) -> tuple[StreamName, ...]:
        """Streams that have files of their own."""
        return ("features",) if self.in_one_file else ("features", "labels")

    def types(self, stream: str) -> dict[str, ColumnType]:
        """Return the declared types of a stream's columns, by name."""
        columns = self.features.columns if stream == "features" else self.labels.columns
        return {name: column.type for name, column in columns.items()}

    def file(self, stream: str) -> Stream:
        """Return a stream with all columns that its files have, those of the labels in them too."""
        if stream == "labels":
            return self.labels
        columns = {**self.features.columns, **(self.labels.columns if self.in_one_file else {})}
        return self.features.model_copy(update={"columns": columns})

    def file_types(self, stream: str) -> dict[str, ColumnType]:
        """Return the declared types of all columns of the files that hold a stream."""
        home = self.labels.stands_in or stream
        return {name: column.type for name, column in self.file(home).columns.items()}


class DatasetSpec(Spec):
    """`include/datasets/<name>/dataset.yaml`; its expectations are in `expectations.yaml`."""

    dataset: Name = Field(description="Name; also the folder's name.")
    description: str = Field(default="", description="Shown in Airflow's UI.")
    key: KeyField = Field(
        description="Column that identifies a row in both streams, or a list of columns that do so "
        "together: `[store, day]`. `row`, where no column is so called: the row as a whole, for "
        "labels that stand in the features' files."
    )
    event_time: EventTimeField = Field(
        description="Feature column with the row's event time, or several columns that have it "
        "together: `{date: NAME, time: NAME}`, `{year: NAME, month: NAME, day: NAME}`. `arrival`, "
        "where no column is so called: the moment at which the batch was delivered first."
    )
    source: SourceName = Field(
        default="files",
        description="Where deliveries come from; `files`: the store's landing area.",
    )
    csv: Csv = Field(
        default_factory=Csv,
        description="Dialect of CSV files, and of texts that stand for values in any delivery.",
    )
    arrival: Arrival = Field(default_factory=Arrival, description="Detection of deliveries.")
    streams: Streams = Field(description="Features and labels.")
    expectations: dict[StreamName, list[Expectation]] = Field(
        default_factory=dict, description="From `expectations.yaml`, by stream."
    )
    runtime: Runtime = Field(
        default="local", description="Where `ingest` runs: in the Airflow task, or in pods."
    )
    pods: Pods | None = Field(default=None, description="Needed by `runtime: kubernetes`.")

    def expectations_of_file(self, stream: StreamName) -> list[Expectation]:
        """Return the expectations of a stream's files, those of labels that stand in them too."""
        own = self.expectations.get(stream, [])
        has_labels = stream == self.streams.labels.stands_in
        return [*own, *self.expectations.get("labels", [])] if has_labels else own

    @field_validator("expectations")
    @classmethod
    def _arguments_in_declared_types(
        cls, given: dict[str, list[Expectation]], info: ValidationInfo
    ) -> dict[str, list[Expectation]]:
        streams: Streams | None = info.data.get("streams")
        if streams is None:
            return given
        # Once a stream: of thousands of columns the types take longer than a cast.
        types = {stream: streams.file_types(stream) for stream in given}
        return {
            stream: [one.cast_to(types[stream]) for one in listed]
            for stream, listed in given.items()
        }

    @model_validator(mode="after")
    def _runtime_is_described(self) -> DatasetSpec:
        check_runtime(self.runtime, self.pods)
        return self

    @property
    def identity(self) -> RowIdentity:
        """Key and event time of the rows: which column of the tables has them, and from where."""
        return declared_identity(self.key, self.event_time, self.streams.features.columns)

    @model_validator(mode="after")
    def _marks_of_numbers_differ(self) -> DatasetSpec:
        for stream in ("features", "labels"):
            for name, column in getattr(self.streams, stream).columns.items():
                check_marks(self.csv, column, at=("streams", stream, "columns", name))
        return self

    @model_validator(mode="after")
    def _identity_is_declared(self) -> DatasetSpec:
        own = {"features": self.streams.features, "labels": self.streams.labels}
        require_key(self.key, [own[stream].columns for stream in self.streams.delivered])
        self._require_no_label_outside_the_key()
        require_no_watched_label(self.streams.labels.columns)
        require_event_time(self.event_time, self.streams.features.columns)
        require_no_personal_identity(self.identity, self.streams.features.columns)
        return self

    def _require_no_label_outside_the_key(self) -> None:
        for name, column in self.streams.labels.columns.items():
            if not column.in_key:
                raise SpecConflict(
                    "has no effect: a key never covers labels",
                    field=("streams", "labels", "columns", name, "in_key"),
                    hint="remove it",
                )
