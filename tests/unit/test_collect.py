"""Due windows: closed, with predictions, not yet measured, and matured for performance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from slipway.errors import NotFound, PlatformUnavailable
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.monitor.windows.due_windows import monitored_windows
from slipway.stages.rollout.platform import Served
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, UnreadableLog
from tests.support import ferry_dataset
from tests.support.collect_env import TRAINED, CollectEnv
from tests.support.promotions import promoted


class FixedPlatform:
    """A platform with a given answer, or an outage."""

    def __init__(self, served: Served | Exception | None) -> None:
        self.answer = served

    def served(self, model: str) -> Served | None:
        """The given answer."""
        del model
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_closed_windows_of_the_champions_own_answers_are_due() -> None:
    """April has answers of its predecessor only; July has not ended; May and June are due."""
    assert CollectEnv(until="2013-07-02").collect()["drift"] == ["2013-05-v2", "2013-06-v2"]


def test_a_window_is_due_when_the_clock_reaches_its_end() -> None:
    """Until then it is open."""
    assert CollectEnv(until="2013-05-31T23:59:00").collect()["drift"] == []
    assert CollectEnv(until="2013-06-01").collect()["drift"] == ["2013-05-v2"]


def test_a_clock_at_the_end_of_the_calendar_raises_nothing() -> None:
    """Every window with predictions has closed and matured, and no others are listed."""
    due = CollectEnv(until="9999-12-31T23:59:59.999999").collect()
    assert due["drift"] == due["performance"] == ["2013-05-v2", "2013-06-v2"]


def test_predictions_at_the_end_of_the_calendar_raise_nothing() -> None:
    """A client may send any event time; its window never closes."""
    env = CollectEnv(until="2013-07-02")
    absurd = env.log.rows.tail(1).assign(row=99, event_time=pd.Timestamp("9999-12-31", tz=UTC))
    env.log = MemoryLog(pd.concat([env.log.rows, absurd]))
    assert env.collect()["drift"] == ["2013-05-v2", "2013-06-v2"]


def test_a_measured_window_is_not_due() -> None:
    """Drift and performance are due separately."""
    env = CollectEnv(until="2013-06-20", labelled_until="2013-06-01")
    env.measure("2013-05-v2", "drift")
    due = env.collect()
    assert (due["drift"], due["performance"]) == ([], ["2013-05-v2"])
    env.measure("2013-05-v2", "performance")
    assert env.collect()["performance"] == []


def test_performance_waits_for_the_label_horizon() -> None:
    """Fourteen days after its end a window's labels have matured."""
    assert (
        CollectEnv(until="2013-06-14", labelled_until="2013-06-01").collect()["performance"] == []
    )
    matured = CollectEnv(until="2013-06-15", labelled_until="2013-06-01").collect()
    assert matured["performance"] == ["2013-05-v2"]


def test_performance_waits_for_late_labels_but_not_for_ever() -> None:
    """The wait for late labels ends when one more window has matured."""
    assert CollectEnv(until="2013-07-10").collect()["performance"] == []
    assert (
        CollectEnv(until="2013-07-10", labelled_until="2013-05-16").collect()["performance"] == []
    )
    assert CollectEnv(until="2013-07-15").collect()["performance"] == ["2013-05-v2"]


def test_a_returned_champion_is_monitored_on_its_own_windows() -> None:
    """After a rollback the windows with the returned champion's answers are due."""
    env = CollectEnv(until="2013-07-02")
    env.registry.aliases["champion"] = 1
    assert env.collect()["drift"] == ["2013-04-v1", "2013-05-v1"]


def test_windows_before_the_end_of_training_are_not_measured() -> None:
    """Answers for training rows say nothing about a version."""
    env = CollectEnv(until="2013-07-02")
    env.registry.tags[2] = {"slipway.training_end": "2013-06-03T00:00:00+00:00"}
    assert env.collect()["drift"] == ["2013-06-v2"]


def test_without_a_champion_or_data_nothing_is_due() -> None:
    """An empty project has no due window."""
    env = CollectEnv(until="2013-07-02")
    env.registry.aliases.clear()
    assert env.collect() == {
        "champion": None,
        "watched": None,
        "drift": [],
        "performance": [],
        "kpis": [],
        "operations": [],
        "difference": None,
        "short": None,
    }
    empty = CollectEnv(until="2013-07-02")
    empty.tables = MemoryTables()
    assert empty.collect()["drift"] == []


def test_monitoring_fails_when_its_champion_is_lost() -> None:
    """Case 4: it does not end green as if there had never been a champion."""
    env = CollectEnv(until="2013-07-02")
    promoted(env.store, "ferry_delay", 2)
    env.registry.aliases.clear()
    with pytest.raises(NotFound) as refused:
        env.collect()
    assert refused.value.message == (
        "ferry_delay cannot be monitored: its champion, version 2, is lost"
    )
    assert refused.value.found == "MLflow has the version and no alias `champion` for it"
    assert "`to` set to 2, or set the alias in MLflow" in str(refused.value.hint)


def test_an_unserved_champion_is_reported() -> None:
    """The alias is compared with the served version."""
    env = CollectEnv(until="2013-05-02")
    served = Served(weights={1: 1.0}, healthy={1: True}, keep=(), token=1)
    difference = env.collect(platform=FixedPlatform(served))["difference"]
    assert difference == "version 1 is served and version 2 is champion; deploy repairs it"
    same = Served(weights={2: 1.0}, healthy={2: True}, keep=(1,), token=2)
    assert env.collect(platform=FixedPlatform(same))["difference"] is None


def test_a_champion_of_other_bytes_than_those_that_serve_is_reported() -> None:
    """Its model was registered anew: the number is the same, the digest is not."""
    env = CollectEnv(until="2013-05-02")
    env.registry.tags[2] = TRAINED | {DIGEST: "b" * 64}
    served = Served({2: 1.0}, {2: True}, (), 1, digests={2: "a" * 64})
    difference = str(env.collect(platform=FixedPlatform(served))["difference"])
    assert difference.startswith("version 2 is champion with other bytes than those that serve")
    same = replace(served, digests={2: "b" * 64})
    assert env.collect(platform=FixedPlatform(same))["difference"] is None


def test_a_champion_that_shares_its_requests_is_reported() -> None:
    """The report names the versions that share the traffic."""
    served = Served(weights={2: 0.9, 3: 0.1}, healthy={2: True, 3: True}, keep=(1,), token=1)
    difference = CollectEnv(until="2013-05-02").collect(platform=FixedPlatform(served))[
        "difference"
    ]
    assert difference == (
        "version 2 (90%) and version 3 (10%) share its requests; "
        "a rollout moves them, or was cut off"
    )


def test_an_edit_by_hand_is_reported() -> None:
    """Also while the champion has a part of the requests."""
    edited = "weights 3: 900 instead of 100, set by kubectl-edit"
    served = Served(weights={2: 1.0}, healthy={2: True}, keep=(), token=1, edited=edited)
    difference = CollectEnv(until="2013-05-02").collect(platform=FixedPlatform(served))[
        "difference"
    ]
    assert difference == f"what is served was edited by hand, and deploy leaves it so: {edited}"


def test_monitoring_goes_on_while_the_platform_is_away() -> None:
    """An outage of the platform is reported and stops nothing."""
    due = CollectEnv(until="2013-06-02").collect(
        platform=FixedPlatform(PlatformUnavailable("no answer"))
    )
    assert due["difference"] == "what is served is not known: no answer"
    assert due["drift"] == ["2013-05-v2"]


def test_a_month_without_predictions_is_no_window() -> None:
    """It is never due."""
    env = CollectEnv(until="2013-07-02")
    rows = env.log.rows
    env.log = MemoryLog(rows[rows["event_time"].dt.month != 5])
    assert env.collect()["drift"] == ["2013-06-v2"]


def test_a_torn_segment_stops_no_other_window() -> None:
    """The window with the torn segment is due too, so that its verdict has the error."""
    env = CollectEnv(until="2013-07-14", labelled_until="2013-07-01")
    env.log = UnreadableLog(env.log.rows, torn=datetime(2013, 5, 20, tzinfo=UTC))
    due = env.collect()
    assert due["drift"] == ["2013-05-v2", "2013-06-v2"]
    assert due["performance"] == ["2013-05-v2"]


def test_the_last_day_of_a_month_belongs_to_that_month_alone() -> None:
    """Answers of 31 May make May a window, and neither April nor June."""
    env = CollectEnv(until="2013-07-02")
    rows = env.log.rows
    log = MemoryLog(rows[rows["event_time"].dt.strftime("%m-%d") == "05-31"])
    champion = env.registry.version("ferry_delay", 2)
    clock = datetime(2013, 7, 2, tzinfo=UTC)
    spec, logged = ferry_dataset.model(), log.days("ferry_delay")
    windows = list(monitored_windows(spec, champion, clock, logged=logged, store=env.store))
    assert [one.window.name for one in windows] == ["2013-05"]


def test_labels_of_a_former_champions_windows_are_still_judged() -> None:
    """It was replaced before they came. What was not measured while it served never is."""
    env = CollectEnv(until="2013-06-20", labelled_until="2013-06-01")
    env.measure("2013-04-v1", "drift")
    due = env.collect()
    assert "2013-04-v1" not in due["drift"]
    assert due["performance"] == ["2013-04-v1", "2013-05-v2"]
    env.measure("2013-04-v1", "performance")
    assert env.collect()["performance"] == ["2013-05-v2"]


def test_a_former_champion_that_is_lost_stops_nothing() -> None:
    """Its windows are passed over."""
    env = CollectEnv(until="2013-06-20", labelled_until="2013-06-01")
    env.measure("2013-04-v1", "drift")
    env.registry.deleted = {1}
    assert env.collect()["performance"] == ["2013-05-v2"]
