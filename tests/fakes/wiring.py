"""A fake of the wiring: stages that return verdicts which a test sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from slipway.records.outcomes import Listing, Outcome
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.verdicts import Verdict

Written = Verdict | Exception


@dataclass
class FakeWiring:
    """A fake of `slipway.wiring` for a task.

    Attributes:
        verdicts: Verdict or error by stage; a list is consumed one by one.
        deliveries: Deliveries in the landing area.
        due: Windows to measure, by stage.
        partitions: Inputs of the partitions to score.
        run: Run of every record.
        finished_at: When it was recorded; None: at its call.
        asked: Every stage that ran, with its arguments.
        origins: Origin of each run.
        acknowledged: Every fingerprint that was acknowledged.
        holder: Holder of every model's lease; None: it is free.
        given_back: Every model whose lease was given back.
    """

    verdicts: Mapping[str, Written | list[Written]] = field(default_factory=dict)
    deliveries: list[dict[str, str]] = field(default_factory=list)
    due: Mapping[str, list[str]] = field(default_factory=dict)
    partitions: list[dict[str, Any]] = field(default_factory=list)
    run: str = "rollout-000001"
    finished_at: str | None = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    origins: list[Mapping[str, Any]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    holder: str | None = None
    given_back: list[str] = field(default_factory=list)

    def run_stage(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        origin: Mapping[str, Any],
        container: Any = None,
        outcome: str | None = None,
    ) -> Outcome:
        """The verdict that a test set for a stage."""
        del outcome, container
        self.asked.append((name, dict(arguments)))
        self.origins.append(origin)
        written = self.verdicts.get(name, Verdict("done", f"{name} is done"))
        verdict = written.pop(0) if isinstance(written, list) else written
        if isinstance(verdict, Exception):
            raise verdict
        if name in {"collect", "partitions"}:
            return self._listing(name, str(arguments["model"]))
        ref = RunRef("subject", self.run, name)
        finished_at = self.finished_at or datetime.now(UTC).isoformat()
        return RunRecord(ref, 1, verdict, {}, origin, finished_at, finished_at)

    def claim(self, *, dataset: str, batch: str | None) -> dict[str, Any]:
        """The waiting deliveries."""
        del dataset
        waiting = [one for one in self.deliveries if batch in (None, one["batch"])]
        return {"fingerprint": "f1", "deliveries": waiting}

    def acknowledge(self, *, dataset: str, fingerprint: str) -> bool:
        """Keep the fingerprint."""
        del dataset
        self.acknowledged.append(fingerprint)
        return True

    def lease_holder(self, model: str) -> str | None:
        """Who holds a model's lease."""
        del model
        return self.holder

    def give_lease_back(self, model: str, origin: Mapping[str, Any], **_: object) -> None:
        """Keep the model whose lease was given back."""
        del origin
        self.given_back.append(model)

    def _listing(self, name: str, model: str) -> Listing:
        if name == "partitions":
            counts = {"partitions": len(self.partitions)}
            return Listing(Verdict("listed", "they are due", counts), {name: self.partitions})
        items = {
            stage: [{"model": model, "window": window} for window in self.due.get(stage, [])]
            for stage in ("drift", "performance", "kpis", "operations")
        }
        counts = {stage: len(some) for stage, some in items.items()}
        return Listing(Verdict("collected", "they are due", counts), items)
