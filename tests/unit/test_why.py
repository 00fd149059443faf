"""Five lines say why a model is what it is."""

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
        """Nothing but an outage."""
        raise PlatformUnavailable(f"no answer about {model}")


def enter(store: MemoryStore, run: str, stage: str, verdict: Verdict) -> None:
    """Write one stage's verdict down."""
    perform(RunContext(store, {}), RunRef(MODEL, run, stage), lambda _: verdict, inputs={})


def test_a_model_that_never_was_has_five_lines_too() -> None:
    """Before the first model every line says that there is nothing yet."""
    lines = why(ferry_dataset.model(), store=MemoryStore(), registry=MonitoringRegistry(MODEL))
    assert lines == [
        "Served: nothing; no version of ferry_delay is champion.",
        "Since: no rollout has ended yet.",
        "Evidence: none yet.",
        "Refused: nothing so far.",
        "Next: the first model, once enough labels have arrived.",
    ]


def test_a_serving_champion_tells_since_when_and_on_what_evidence() -> None:
    """Version, rollout, metrics, the reason it was trained for, and the last refusal."""
    store = MemoryStore()
    enter(store, "rollout-1", "promote_champion", Verdict("promoted", "Version 2 is champion."))
    enter(store, "request-000003", "gate", Verdict("refuse", "refused: roc_auc 0.5 is too low"))
    enter(store, "decide-2013-05-v2-0a", "decide", Verdict("nothing", "0 of 1 windows drift."))
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


def test_a_champion_from_another_environment_tells_where_it_comes_from() -> None:
    """Its metrics were measured there, and it was trained there for a reason of its own."""
    source = {
        "slipway.source.registry": "https://mlflow.example.org",
        "slipway.source.version": "7",
    }
    registry = MonitoringRegistry(MODEL, aliases={"champion": 2}, tags={2: TAGS | source})
    evidence = why(ferry_dataset.model(), store=MemoryStore(), registry=registry)[2]
    assert "; brought here as version 7 of https://mlflow.example.org; trained" in evidence


def test_a_rollout_that_found_no_verdict_is_told_as_refused() -> None:
    """A step without requests enough took its version back; a window without rows did nothing."""
    store = MemoryStore()
    unsure = Verdict("inconclusive", "Version 3: at 10 % it was asked 7 times.")
    enter(store, "rollout-000002", "shift_10", unsure)
    enter(store, "window-2013-05-v2", "drift", Verdict("inconclusive", "Too few rows."))
    refused = why(ferry_dataset.model(), store=store, registry=MonitoringRegistry(MODEL))[3]
    assert refused.endswith("shift_10 rollout-000002: Version 3: at 10 % it was asked 7 times.")


def test_what_is_worked_on_comes_next() -> None:
    """An accepted request goes before a waiting challenger, and that before the monitor."""
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


def test_an_unknown_platform_is_told_in_the_first_line() -> None:
    """The story never claims that something is served that nobody has seen."""
    registry = MonitoringRegistry(MODEL, aliases={"champion": 1})
    served = why(ferry_dataset.model(), store=MemoryStore(), registry=registry, platform=Down())[0]
    assert served.startswith("Served: ferry_delay: what is served is not known: no answer")
