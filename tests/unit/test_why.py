"""`slipway why`: five lines about a model."""

from __future__ import annotations

from slipway.errors import PlatformUnavailable
from slipway.records import requests
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.stages.report.why import why
from slipway.stages.rollout.platform import Served
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MonitoringRegistry
from tests.support import ferry_dataset

MODEL = "ferry_delay"
TAGS = {
    "slipway.metric.roc_auc": "0.7312",
    "slipway.reason": "2 of the last 3 windows are drifting.",
}


class Down:
    """A platform that does not answer."""

    def served(self, model: str) -> Served | None:
        """Raise."""
        raise PlatformUnavailable(f"no answer about {model}")


def record(store: MemoryStore, run: str, stage: str, verdict: Verdict) -> None:
    """Record one stage's verdict."""
    perform(RunContext(store, {}), RunRef(MODEL, run, stage), lambda _: verdict, inputs={})


def test_a_new_model_has_five_lines_too() -> None:
    """Before the first model every line has a text for nothing."""
    lines = why(ferry_dataset.model(), store=MemoryStore(), registry=MonitoringRegistry(MODEL))
    assert lines == [
        "Served: nothing; no version of ferry_delay is champion.",
        "Since: no rollout has ended yet.",
        "Evidence: none yet.",
        "Refused: nothing so far.",
        "Next: the first model, once enough labels have arrived.",
    ]


def test_a_serving_champion_has_its_history() -> None:
    """Version, rollout, metrics, the reason of the training, and the last refusal."""
    store = MemoryStore()
    record(store, "rollout-1", "promote_champion", Verdict("promoted", "Version 2 is champion."))
    record(store, "request-000003", "gate", Verdict("refuse", "refused: roc_auc 0.5 is too low"))
    record(store, "decide-2013-05-v2-0a", "decide", Verdict("nothing", "0 of 1 windows drift."))
    registry = MonitoringRegistry(MODEL, aliases={"champion": 2}, tags={2: TAGS})
    served, since, evidence, refused, following = why(
        ferry_dataset.model(), store=store, registry=registry
    )
    assert served == "Served: ferry_delay version 2."
    assert since.endswith("UTC (rollout-1): Version 2 is champion.")
    assert evidence == (
        "Evidence: roc_auc 0.7312 on its holdout; "
        "trained because: 2 of the last 3 windows are drifting."
    )
    assert refused.endswith("gate request-000003: refused: roc_auc 0.5 is too low")
    assert following == "Next: the monitor goes on; its last verdict: 0 of 1 windows drift."


def test_an_imported_champion_has_its_source() -> None:
    """Its metrics and the reason of its training are the source's."""
    source = {
        "slipway.source.registry": "https://mlflow.example.org",
        "slipway.source.version": "7",
    }
    registry = MonitoringRegistry(MODEL, aliases={"champion": 2}, tags={2: TAGS | source})
    evidence = why(ferry_dataset.model(), store=MemoryStore(), registry=registry)[2]
    assert "; brought here as version 7 of https://mlflow.example.org; trained" in evidence


def test_an_inconclusive_rollout_counts_as_refused() -> None:
    """A step with too few requests; an inconclusive window does not count."""
    store = MemoryStore()
    unsure = Verdict("inconclusive", "Version 3: at 10 % it was asked 7 times.")
    record(store, "rollout-000002", "shift_10", unsure)
    record(store, "window-2013-05-v2", "drift", Verdict("inconclusive", "Too few rows."))
    refused = why(ferry_dataset.model(), store=store, registry=MonitoringRegistry(MODEL))[3]
    assert refused.endswith("shift_10 rollout-000002: Version 3: at 10 % it was asked 7 times.")


def test_the_next_line_has_the_current_work() -> None:
    """An accepted request precedes a waiting challenger, and that the monitor."""
    store = MemoryStore()
    registry = MonitoringRegistry(MODEL, aliases={"champion": 1, "challenger": 2})
    waiting = why(ferry_dataset.model(), store=store, registry=registry)[-1]
    assert waiting == "Next: version 2 is challenger and waits for deploy."
    request = requests.file_request(
        store, MODEL, kind="person", reason="New code", at="2013", by="ada", unique="1"
    )
    requests.decide(store, request, action="accept", reason="Accepted.")
    working = why(ferry_dataset.model(), store=store, registry=registry)[-1]
    assert working == "Next: request 1 (person) is being worked on: New code"


def test_a_platform_outage_is_in_the_first_line() -> None:
    """No version is claimed to be served during an outage."""
    registry = MonitoringRegistry(MODEL, aliases={"champion": 1})
    served = why(ferry_dataset.model(), store=MemoryStore(), registry=registry, platform=Down())[0]
    assert served.startswith("Served: ferry_delay: what is served is not known: no answer")
