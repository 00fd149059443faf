"""Windows become a request: k of the last n and the newest, once per newest window."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from slipway.records import requests
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.verdicts import Verdict
from slipway.spec.model import Fire
from slipway.stages.monitor.decide import WindowVerdict, decide, judge_windows, k_of_last_n
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry
from tests.support import ferry_dataset

ACTIONS = st.lists(st.sampled_from(["ok", "drifting", "inconclusive"]), max_size=8)
FIRES = st.tuples(st.integers(1, 5), st.integers(1, 5)).map(
    lambda pair: Fire(k=min(pair), n=max(pair))
)
ORIGIN = {"by": "a test"}


@given(ACTIONS, FIRES)
def test_nothing_fires_unless_the_newest_window_does(actions: list[str], fire: Fire) -> None:
    """Old trouble that is over asks for nothing."""
    assert not k_of_last_n([*actions, "ok"], fire, on="drifting")
    assert not k_of_last_n([*actions, "inconclusive"], fire, on="drifting")


@given(ACTIONS, FIRES)
def test_only_the_last_n_windows_count(actions: list[str], fire: Fire) -> None:
    """What lies further back changes nothing."""
    longer = ["drifting"] * 5 + (["ok"] * fire.n + actions)[-fire.n :]
    assert k_of_last_n(longer, fire, on="drifting") == k_of_last_n(
        longer[-fire.n :], fire, on="drifting"
    )


@given(ACTIONS, FIRES)
def test_k_windows_fire_and_fewer_do_not(actions: list[str], fire: Fire) -> None:
    """With the newest among them, exactly the count decides."""
    actions = [*actions, "drifting"]
    assert k_of_last_n(actions, fire, on="drifting") == (
        actions[-fire.n :].count("drifting") >= fire.k
    )


def windows(*actions: str) -> list[WindowVerdict]:
    """Verdicts of successive months."""
    return [
        WindowVerdict(f"2013-{month:02d}-v1", action, f"{action} in {month}.", f"record-{month}")
        for month, action in enumerate(actions, start=4)
    ]


def test_decay_speaks_before_drift() -> None:
    """When both fire there is one request, of kind decay, and it tells of both."""
    verdict = judge_windows(
        windows("drifting", "drifting", "drifting"), windows("decayed", "decayed"), Fire()
    )
    assert (verdict.action, verdict.numbers["kind"]) == ("request", "decay")
    assert verdict.numbers["window"] == "2013-05-v1"
    assert "2 of the last 2 windows are decayed" in verdict.reason
    assert "3 of the last 3 windows are drifting" in verdict.reason


def test_the_reason_for_doing_nothing_has_its_numbers() -> None:
    """One drifting window of three is told, with the rule."""
    verdict = judge_windows(windows("ok", "ok", "drifting"), [], Fire())
    assert verdict.action == "nothing"
    assert "1 of the last 3 windows is drifting" in verdict.reason
    assert "2 of the last 3 windows and the newest" in verdict.reason


class Watch:
    """A champion that was asked things from April to July, and what was measured of it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.tables = MemoryTables()
        rows = ferry_dataset.crossings(days=122, start=ferry_dataset.START + timedelta(days=90))
        ferry_dataset.publish(self.tables, rows)
        self.log = MemoryLog(ferry_dataset.logged(rows))
        tags = {"slipway.training_end": "2013-03-30T00:00:00+00:00"}
        self.registry = MonitoringRegistry(
            "ferry_delay", aliases={"champion": 1}, tags={1: tags, 2: tags}
        )

    def measure(self, window: str, action: str, *, stage: str = "drift") -> RunRecord:
        """Write one verdict down."""
        ref = RunRef("ferry_delay", f"window-{window}", stage)
        verdict = Verdict(action, f"{window} is {action}.")
        return perform(RunContext(self.store, ORIGIN), ref, lambda _: verdict, inputs={})

    def decide(self) -> Verdict:
        """Decide on what is written down."""
        return decide(
            ferry_dataset.model(),
            ferry_dataset.dataset(),
            context=RunContext(self.store, ORIGIN),
            tables=self.tables,
            registry=self.registry,
            log=self.log,
        )


def test_two_drifting_windows_file_one_request_with_its_reasons() -> None:
    """The request tells kind, numbers, newest window and where the record is."""
    watch = Watch()
    watch.measure("2013-04-v1", "drifting")
    assert watch.decide().action == "nothing"
    watch.measure("2013-05-v1", "drifting")
    verdict = watch.decide()
    assert (verdict.action, verdict.numbers["request"]) == ("request", 1)
    [request] = requests.all_requests(watch.store, "ferry_delay")
    assert (request.kind, request.unique) == ("drift", "drift-2013-05-v1")
    assert "2013-05-v1 is drifting" in request.reason
    assert request.evidence["record"].endswith("window-2013-05-v1/drift/record.json")


def test_deciding_again_files_nothing_new() -> None:
    """The same verdicts are one decision; a new window that still drifts is a new request."""
    watch = Watch()
    for window in ("2013-04-v1", "2013-05-v1"):
        watch.measure(window, "drifting")
    assert watch.decide() == watch.decide()
    watch.measure("2013-05-v1", "ok", stage="performance")
    watch.decide()
    assert len(requests.all_requests(watch.store, "ferry_delay")) == 1
    watch.measure("2013-06-v1", "drifting")
    watch.decide()
    assert len(requests.all_requests(watch.store, "ferry_delay")) == 2


def test_a_new_champion_starts_with_a_clean_record() -> None:
    """Windows of its predecessor are not held against it."""
    watch = Watch()
    for window in ("2013-04-v1", "2013-05-v1"):
        watch.measure(window, "drifting")
    watch.registry.aliases["champion"] = 2
    assert watch.decide().action == "nothing"


def test_without_a_champion_there_is_nothing_to_decide() -> None:
    """Nothing is recorded before there is something to watch."""
    watch = Watch()
    watch.registry.aliases.clear()
    assert watch.decide().action == "nothing"
    assert watch.store.list("runs") == []


def test_each_kind_of_window_is_counted_by_its_own_action() -> None:
    """One of three windows is decayed, and two are drifting."""
    verdict = judge_windows(
        windows("drifting", "ok", "drifting"), windows("ok", "decayed", "ok"), Fire(k=2, n=3)
    )
    assert (verdict.numbers["drifting"], verdict.numbers["decayed"]) == (2, 1)
