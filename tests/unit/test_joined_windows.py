"""Windows with too few predictions are joined until they have enough, once and for good."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from slipway.records.run_context import RunContext
from slipway.records.store import read_json
from slipway.stages.monitor.drift.measure_drift import measure_drift
from slipway.stages.monitor.windows.due_windows import monitored_windows
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry, PlainReports, UnreadableLog
from tests.support import ferry_dataset
from tests.support.collect_env import CollectEnv

AUGUST = datetime(2013, 8, 1, tzinfo=UTC)
JOINED = "2013-05--2013-06-v2"


def sparse(*, every: int = 15, until: str = "2013-07-02") -> CollectEnv:
    """Version 2 with some 680 / `every` predictions in May and 1200 / `every` in June."""
    env = CollectEnv(until=until)
    env.log = MemoryLog(env.log.rows.iloc[::every])
    return env


def listed(env: CollectEnv) -> list[str]:
    """Ids of the windows of version 2, as the decision reads them; April has none of its rows."""
    champion = env.registry.version("ferry_delay", 2)
    spec = ferry_dataset.model()
    logged = env.log.days(spec.model)
    windows = monitored_windows(spec, champion, AUGUST, logged=logged, store=env.store)
    return [one.id for one in windows if one.window.name != "2013-04"]


def test_short_windows_wait_for_those_that_follow() -> None:
    """May has 45 of 100 predictions, and is due together with June."""
    assert sparse(until="2013-06-20").collect()["drift"] == []
    env = sparse()
    due = env.collect()
    assert (due["drift"], due["short"]) == ([JOINED], None)
    assert read_json(env.store, "windows/ferry_delay/v2/2013-05--2013-06.json") == {"rows": 125}


def test_windows_that_are_not_enough_together_are_not_due() -> None:
    """22 and 39 predictions are no 100; the listing says so."""
    due = sparse(every=31).collect()
    assert due["drift"] == []
    assert due["short"] == f"{JOINED} has 61 of 100 predictions"


def test_a_joined_window_is_one_window_and_measured_once() -> None:
    """In the decision it takes one place, and counts once."""
    env = sparse()
    env.collect()
    assert listed(env) == [JOINED]
    env.measure(JOINED, "drift")
    assert env.collect()["drift"] == []


def test_predictions_that_arrive_later_change_no_joined_window() -> None:
    """May had enough of them after all, and is not taken again."""
    env = sparse()
    whole = CollectEnv(until="2013-07-02").log
    env.collect()
    env.log = whole
    assert env.collect()["drift"] == [JOINED]
    env.measure(JOINED, "drift")
    assert env.collect()["drift"] == []


def test_a_window_measured_alone_is_never_joined() -> None:
    """Records of before stay as they are; what cannot be added to is due as it is."""
    env = sparse()
    env.measure("2013-06-v2", "drift")
    assert env.collect()["drift"] == ["2013-05-v2"]
    assert listed(env) == ["2013-05-v2", "2013-06-v2"]


def test_a_window_that_cannot_be_read_waits_for_nothing() -> None:
    """Its verdict reports the segment."""
    env = sparse(until="2013-06-20")
    env.log = UnreadableLog(env.log.rows, torn=datetime(2013, 5, 20, tzinfo=UTC))
    assert env.collect()["drift"] == ["2013-05-v2"]


def test_the_verdict_names_the_windows_that_it_is_of() -> None:
    """Both months are measured as one."""
    rows = ferry_dataset.crossings(days=61, start=datetime(2013, 5, 1, tzinfo=UTC), seed=2)
    reference = ferry_dataset.crossings(days=90).drop(columns=["crossing", "late"])
    record = measure_drift(
        ferry_dataset.model(),
        ferry_dataset.dataset(),
        window="2013-05--2013-06-v1",
        context=RunContext(MemoryStore(), {}),
        registry=MonitoringRegistry(
            "ferry_delay",
            references={1: reference.assign(part="training")},
            numeric=["wind"],
            categorical=["port"],
        ),
        log=MemoryLog(ferry_dataset.logged(rows.iloc[::15])),
        reports=PlainReports(),
    )
    assert record.verdict.numbers["rows"] == len(rows.iloc[::15])
    assert record.inputs["end"] == pd.Timestamp("2013-07-01", tz=UTC).isoformat()
    assert record.verdict.reason.endswith(
        "The windows 2013-05 to 2013-06 are judged together: alone they have too few predictions."
    )
