"""Run records: the stored verdict of each finished stage, under a key made from its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from slipway.errors import NotFound
from slipway.records.store import Store, find_value
from slipway.records.verdicts import Verdict

RECORD = "record.json"
"""File name of a run record, in the folder of its piece of work."""


@dataclass(frozen=True)
class RunRef:
    """Reference to one stage of one run: the piece of work that a record is about.

    Attributes:
        subject: Dataset or model.
        run: Made from the inputs (`request-000003`, `features-2013-05-1f2e…`), never from a clock.
        stage: Stage name.
    """

    subject: str
    run: str
    stage: str

    @property
    def folder(self) -> str:
        """Store folder of this piece of work."""
        return f"runs/{self.subject}/{self.run}/{self.stage}"

    @property
    def key(self) -> str:
        """Store key of the run record."""
        return f"{self.folder}/{RECORD}"

    def beside(self, stage: str) -> RunRef:
        """Reference to another stage of the same run."""
        return RunRef(self.subject, self.run, stage)


@dataclass(frozen=True)
class RunRecord:
    """Record of a finished stage.

    Attributes:
        ref: Piece of work.
        attempt: Number of the attempt that finished.
        verdict: Verdict of the stage.
        inputs: Versions, windows and digests that went in.
        origin: DAG, run, try, host and person.
        started_at: Wall time, ISO 8601, UTC.
        finished_at: Wall time, ISO 8601, UTC.
    """

    ref: RunRef
    attempt: int
    verdict: Verdict
    inputs: Mapping[str, Any]
    origin: Mapping[str, Any]
    started_at: str
    finished_at: str

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunRecord:
        """Return the record that `to_json` wrote."""
        ref, verdict = RunRef(**value["ref"]), Verdict.from_json(value["verdict"])
        return cls(**{**value, "ref": ref, "verdict": verdict})


def find_record(store: Store, ref: RunRef) -> RunRecord | None:
    """Return the record of a piece of work, or None while it has not finished."""
    return find_value(store, ref.key, RunRecord.from_json)


def need_record(store: Store, ref: RunRef) -> RunRecord:
    """Return the record of a piece of work.

    Raises:
        NotFound: The stage has not finished.
    """
    record = find_record(store, ref)
    if record is None:
        raise NotFound(
            f"{ref.stage} of {ref.subject} {ref.run} has not finished",
            where=ref.key,
            hint="run that stage first",
        )
    return record
