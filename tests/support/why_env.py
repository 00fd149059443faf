"""A model's state as `slipway why` reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slipway.records import requests
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.spec.retraining import Retraining
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.report.why import why
from tests.fakes.fixed_status import FixedPlatform
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MonitoringRegistry
from tests.support.promotions import promoted

MODEL = "ferry_delay"


TAGS = {
    "slipway.metric.roc_auc": "0.7312",
    "slipway.reason": "2 of the last 3 windows are drifting.",
}


class WhyEnv:
    """A model whose version 2 is champion and served, by registry, platform and ledger."""

    def __init__(self, *, champion: int | None = 2, **aliases: int) -> None:
        self.store = MemoryStore()
        named = aliases if champion is None else {"champion": champion, **aliases}
        self.registry = MonitoringRegistry(MODEL, aliases=named, tags={2: TAGS})
        self.policy = Retraining()
        self.signature_of: Callable[[ModelVersion], str | None] | None = None
        self.platform: Any = FixedPlatform({} if champion is None else {champion: 1.0})
        if champion is not None:
            self.record("request-000001", "promote_challenger", passed(champion))
            promoted(self.store, MODEL, champion)

    def record(self, run: str, stage: str, verdict: Verdict) -> None:
        """Record one stage's verdict."""
        ref = RunRef(MODEL, run, stage)
        perform(RunContext(self.store, {}), ref, lambda _: verdict, inputs={})

    def ask(self, *, kind: requests.Kind = "person", unique: str = "1") -> requests.Request:
        """File a request."""
        return requests.file_request(
            self.store, MODEL, kind=kind, reason="New code", at="2013", by="ada", unique=unique
        )

    def lines(self) -> dict[str, str]:
        """The lines, by their first word."""
        told = why(
            MODEL,
            store=self.store,
            registry=self.registry,
            platform=self.platform,
            policy=self.policy,
            signature_of=self.signature_of,
        )
        return dict(line.split(": ", 1) for line in told)


def passed(version: int) -> Verdict:
    """Verdict of gates that a version passed."""
    return Verdict("promoted", "It is better.", {"version": version, "challenger.roc_auc": 0.7312})
