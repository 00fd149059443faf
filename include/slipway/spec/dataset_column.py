"""Spec of one column of a dataset's stream."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from slipway.spec.base import Spec, SpecConflict
from slipway.spec.csv import Separator, Unit
from slipway.spec.timestamp_format import TimestampFormat, ZoneName
from slipway.spec.watched_columns import ColumnKind, check_watching
from slipway.values.timestamps import EPOCH_FORMATS
from slipway.values.value_types import ColumnType


class Column(Spec):
    """One column of a stream."""

    type: ColumnType = Field(description="Type that the column is cast to before validation.")
    nullable: bool = Field(default=True, description="Whether the value may be missing.")
    pii: Literal["hash", "drop"] | None = Field(
        default=None,
        description="Personal data. A model gets a keyed hash of it, as a category; the prediction "
        "log keeps that (`hash`) or nothing (`drop`). Drift of such a column is not measured.",
    )
    format: TimestampFormat | None = Field(
        default=None,
        description="Form of a timestamp's texts where it is not ISO 8601: as `strptime` has it "
        "(`%d.%m.%Y %H:%M`), `epoch_seconds` or `epoch_milliseconds`.",
    )
    timezone: ZoneName | None = Field(
        default=None,
        description="IANA zone of timestamps without an offset, e.g. `Europe/Berlin`; else UTC.",
    )
    in_key: bool = Field(
        default=True,
        description="Whether `key: row` covers this column of the features. `false` for what is "
        "known only later, or what no request has: a key that covers it could not be made from a "
        "request, so its label would never be joined.",
    )
    unit: Unit | None = Field(
        default=None,
        description="What stands before or behind the numbers of a column in its texts, such as "
        "`$`, `%` or `kg`, with or without a blank. It is no part of the value: `5 %` is 5. A "
        "number without it is taken, too.",
    )
    decimal: Separator | None = Field(
        default=None, description="Decimal mark of the column's numbers, if not `csv.decimal`."
    )
    thousands: Separator | None = Field(
        default=None,
        description="Separator between groups of three digits, if not `csv.thousands`.",
    )
    negative: Literal["parentheses"] | None = Field(
        default=None,
        description="`parentheses`: a number in them is negative, as in `(1,200)`; a minus is read "
        "as well.",
    )
    watch: bool | None = Field(
        default=None,
        description="Whether the monitor compares a feature with the champion's reference. None: "
        "yes, unless it follows the event time there, as a counter or a month does.",
    )
    kind: ColumnKind | None = Field(
        default=None,
        description="`calendar`: a part of the event time, such as its hour, weekday or month. The "
        "monitor compares it with what the reference has in the same hour or season, and not at "
        "all where the reference has none.",
    )
    description: str = Field(default="", description="Meaning, with its unit.")

    @model_validator(mode="after")
    def _calendar_says_how_to_watch(self) -> Column:
        check_watching(watch=self.watch, kind=self.kind)
        return self

    @model_validator(mode="after")
    def _only_numbers_have_marks(self) -> Column:
        for name in ("unit", "decimal", "thousands", "negative"):
            if getattr(self, name) is not None and self.type not in {"integer", "number"}:
                raise SpecConflict(
                    f"is of columns of numbers; this one is of type {self.type}", field=(name,)
                )
        return self

    @model_validator(mode="after")
    def _only_timestamps_have_a_form(self) -> Column:
        for name in ("format", "timezone"):
            if getattr(self, name) is not None and self.type != "timestamp":
                raise SpecConflict(
                    f"is of timestamp columns; this one is of type {self.type}", field=(name,)
                )
        if self.format in EPOCH_FORMATS and self.timezone is not None:
            raise SpecConflict(f"{self.format} has no time zone", field=("timezone",))
        return self
