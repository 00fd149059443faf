"""A prediction log in a data frame, reports without Evidently, and a registry in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd

from slipway.errors import NotComputable, NotFound
from slipway.stages.model.held_out_rows import FILE, HeldOutRows
from slipway.stages.model.manifest import REFERENCE, seal
from slipway.stages.monitor.reference.columns import Columns
from slipway.stages.ports.prediction_log import SampledRows
from slipway.stages.ports.registry import Anchor, ModelVersion

BATCH_ROWS = 500

IDENTITY = ["request_id", "row"]


class MemoryLog:
    """A fake of the `PredictionLog` port.

    Args:
        rows: Answered rows of one model, as the shipper writes them.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows

    def days(self, model: str) -> list[date]:
        """Days that hold rows, oldest first."""
        del model
        return sorted(set(self.rows["event_time"].dt.date))

    def read(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Rows of [start, end), each answered row once."""
        del model
        same = [name for name in (*IDENTITY, "key") if name in self.rows]
        rows = self.rows.drop_duplicates(same)
        times = rows["event_time"]
        kept = times.notna()
        if start is not None:
            kept &= times >= start
        if end is not None:
            kept &= times < end
        if version is not None:
            kept &= rows["version"] == version
        rows = rows[kept].sort_values(["event_time", *IDENTITY]).reset_index(drop=True)
        wanted = rows.columns if columns is None else [*IDENTITY, "event_time", "version", *columns]
        return rows[[name for name in dict.fromkeys(wanted) if name in rows]]

    def stream(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """The rows that `read` returns, in batches."""
        asked = None if columns is None else [*columns, "key"]
        rows = self.read(model, start, end, version=version, columns=asked)
        for first in range(0, len(rows), BATCH_ROWS):
            yield rows.iloc[first : first + BATCH_ROWS]

    def sample(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        rows: int,
        seed: int,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> SampledRows:
        """A sample of the rows that `read` returns."""
        asked = None if columns is None else [*columns, "key"]
        every = self.read(model, start, end, version=version, columns=asked)
        return SampledRows.of(every, at_most=rows, seed=seed, columns=columns)

    def count(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
    ) -> int:
        """How many rows `read` returns."""
        return len(self.read(model, start, end, version=version))


class UnreadableLog(MemoryLog):
    """A prediction log with one segment that cannot be read.

    Args:
        rows: Answered rows of one model.
        torn: The day of that segment.
    """

    def __init__(self, rows: pd.DataFrame, *, torn: datetime) -> None:
        super().__init__(rows)
        self.torn = torn

    def read(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Rows of [start, end), unless the torn day is among them."""
        if (start is None or start <= self.torn) and (end is None or self.torn < end):
            key = f"predictions/{model}/day={self.torn:%Y-%m-%d}/a.parquet"
            raise NotComputable("a segment of the prediction log is not readable", where=key)
        return super().read(model, start, end, version=version, columns=columns)


class PlainReports:
    """A fake of `DriftReport`."""

    def html(
        self,
        reference: pd.DataFrame,
        current: pd.DataFrame,
        *,
        columns: Columns,
        names: Sequence[str],
        lead: str,
    ) -> bytes:
        """The lead, and the names of the columns."""
        del reference, current, columns
        return f"<html>{lead}<p>{', '.join(names)}</p></html>".encode()


@dataclass
class MonitoringRegistry:
    """A fake of `Registry`, as far as monitoring reads it: versions, aliases and references.

    Attributes:
        model: Name of its only model.
        aliases: Alias to version.
        tags: Version to its tags.
        references: Version to its reference's rows.
        numeric: Its numeric features; the others are categorical.
        categorical: Its categorical features.
        pii: Treatment of its personal columns in the log, as in the manifest.
        deleted: Versions that a person deleted.
        classes: Classes of its versions, in the order of their codes; none without them.
        held_out: Version to its holdout rows.
        anchors: Newest anchored head, by dataset or model.
    """

    model: str
    aliases: dict[str, int] = field(default_factory=dict)
    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    references: dict[int, pd.DataFrame] = field(default_factory=dict)
    numeric: Sequence[str] = ()
    categorical: Sequence[str] = ()
    pii: Mapping[str, str] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    classes: Sequence[str | int] = ()
    held_out: dict[int, HeldOutRows] = field(default_factory=dict)
    anchors: dict[str, Anchor] = field(default_factory=dict)

    def exists(self, model: str) -> bool:
        """Whether it is its only model."""
        return model == self.model

    def list_anchors(self) -> list[Anchor]:
        """Every anchored head."""
        return list(self.anchors.values())

    def anchor(self, anchor: Anchor) -> None:
        """Anchor a head."""
        self.anchors[anchor.subject] = anchor

    def copies(self, sha256: str) -> list[ModelVersion]:
        """No version: none of them is renamed."""
        del sha256
        return []

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version of an alias, or None."""
        number = self.aliases.get(alias)
        return None if number is None else self.version(model, number)

    def version(self, model: str, version: int) -> ModelVersion:
        """One version."""
        if version in self.deleted:
            raise NotFound(f"{model} has no version {version}")
        tags = self.tags.get(version, {})
        made = datetime(2026, 1, 1, tzinfo=UTC)
        return ModelVersion(model, version, f"{model}/request-{version:06d}", "memory", tags, made)

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """A sealed folder with the version's reference, if it has one."""
        del model, sha256
        folder = to / "model"
        (folder / "slipway").mkdir(parents=True)
        if version in self.references:
            self.references[version].to_parquet(folder / REFERENCE, index=False)
        if version in self.held_out:
            (folder / FILE).write_bytes(self.held_out[version].bounded().to_bytes())
        kinds = dict.fromkeys(self.numeric, "number") | dict.fromkeys(self.categorical, "string")
        features = [{"name": name, "kind": kind} for name, kind in kinds.items()]
        facts = {"classes": list(self.classes)} if self.classes else {}
        seal(folder, {"features": features, "pii": dict(self.pii), **facts})
        return folder
