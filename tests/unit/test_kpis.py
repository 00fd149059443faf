"""Business KPIs: a query a window, judged by its limits; a breach is told and trains nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from slipway.adapters.kpi_queries import DuckDbQueries
from slipway.records import requests
from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.spec.kpis import Kpi
from slipway.stages.monitor.kpis.check_kpis import kpi_problems
from slipway.stages.monitor.kpis.judge_kpis import MeasuredKpi, judge_kpis
from slipway.stages.monitor.kpis.kpi_views import WindowViews, view_types
from slipway.stages.monitor.kpis.measure_kpis import measure_kpis
from slipway.stages.monitor.windows.windows import parse_monitored_window
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog
from tests.support import ferry_dataset

MODEL = "ferry_delay"
LATE = {
    "name": "late_share",
    "sql": "SELECT avg(late::INT) FROM labels JOIN predictions USING (key)",
}


def kpi(**limits: Any) -> Kpi:
    """A KPI with limits."""
    return Kpi(name="revenue", sql="SELECT 1", **limits)


@pytest.mark.parametrize(
    ("limits", "found", "action", "reason"),
    [
        ({}, MeasuredKpi(7.0), "ok", "Every KPI is within its limits: revenue 7.0000."),
        ({"min": 7}, MeasuredKpi(7.0), "ok", "within"),
        ({"min": 8}, MeasuredKpi(7.0), "breached", "is 7.0000, below its least value 8.0000"),
        ({"max": 6}, MeasuredKpi(7.0), "breached", "is 7.0000, above its greatest value 6.0000"),
        ({"max_change": 0.2}, MeasuredKpi(12.0, 10.0), "ok", "within"),
        ({"max_change": 0.2}, MeasuredKpi(7.9, 10.0), "breached", "it changed by more than 20%"),
        ({"max_change": 0.2}, MeasuredKpi(-1.3, -1.0), "breached", "was -1.0000 in the window"),
        ({"max_change": 0.2}, MeasuredKpi(1.0), "inconclusive", "no value in the window before"),
        ({"min": 1}, MeasuredKpi(), "inconclusive", "revenue has no value in this window"),
        ({}, MeasuredKpi(problem="it is wrong"), "inconclusive", "cannot be computed: it is wrong"),
    ],
)
def test_a_kpi_is_judged_by_its_limits(
    limits: dict[str, float], found: MeasuredKpi, action: str, reason: str
) -> None:
    """A number that is missing breaches nothing, and is never taken for one that holds."""
    verdict = judge_kpis([kpi(**limits)], {"revenue": found})
    assert verdict.action == action
    assert reason in verdict.reason
    assert verdict.numbers["kpi.revenue"] == found.value


def test_a_breach_outweighs_what_is_missing() -> None:
    """Both are told, the breach first."""
    other = Kpi(name="costs", sql="SELECT 1")
    verdict = judge_kpis(
        [other, kpi(min=1)],
        {"costs": MeasuredKpi(problem="it is wrong"), "revenue": MeasuredKpi(0.0)},
    )
    assert verdict.action == "breached"
    assert verdict.reason == (
        "revenue is 0.0000, below its least value 1.0000; costs cannot be computed: it is wrong."
    )


class KpiEnv:
    """A model with predictions and labels from April to July."""

    def __init__(self, *kpis: dict[str, Any]) -> None:
        self.spec = ferry_dataset.model()
        monitoring = self.spec.monitoring.model_copy(update={"kpis": [Kpi(**one) for one in kpis]})
        self.spec = self.spec.model_copy(update={"monitoring": monitoring})
        self.dataset = ferry_dataset.dataset()
        self.store, self.tables = MemoryStore(), MemoryTables()
        rows = ferry_dataset.crossings(days=122, start=ferry_dataset.START + timedelta(days=90))
        ferry_dataset.publish(self.tables, rows, labels=rows)
        self.log = MemoryLog(ferry_dataset.logged(rows))

    def measure(self, window: str) -> Verdict:
        """Measure the KPIs of a window."""
        return measure_kpis(
            self.spec,
            self.dataset,
            window=window,
            context=RunContext(self.store, {}),
            tables=self.tables,
            log=self.log,
            queries=DuckDbQueries(),
        ).verdict


def test_a_windows_kpi_reads_predictions_labels_and_features() -> None:
    """Joined by key; a breach files no request."""
    rows = "SELECT count(*) FROM features WHERE event_time >= $start AND event_time < $end"
    env = KpiEnv({**LATE, "max": 0.0}, {"name": "rows", "sql": rows, "min": 1, "max_change": 9.0})
    verdict = env.measure("2013-05-v1")
    assert verdict.action == "breached"
    assert "late_share is 0." in verdict.reason
    assert float(verdict.numbers["kpi.rows"] or 0) > 0
    assert float(verdict.numbers["kpi_before.rows"] or 0) > 0
    assert requests.all_requests(env.store, MODEL) == []
    assert env.measure("2013-05-v1") == verdict


def test_the_first_window_of_predictions_has_none_before_to_compare_with() -> None:
    """A count that was zero because no model answered yet is no change."""
    env = KpiEnv({"name": "rows", "sql": "SELECT count(*) FROM predictions", "max_change": 0.5})
    first = env.measure("2013-04-v1")
    assert first.action == "inconclusive"
    assert first.reason == "rows has no value in the window before to compare with."
    assert env.measure("2013-05-v1").action == "ok"


def test_a_query_that_fails_is_inconclusive() -> None:
    """One that names no column, or has no rows."""
    env = KpiEnv({"name": "wrong", "sql": "SELECT avg(points) FROM predictions", "min": 1})
    verdict = env.measure("2013-05-v1")
    assert verdict.action == "inconclusive"
    assert verdict.reason == ("wrong cannot be computed: the query failed with BinderException.")
    env = KpiEnv(LATE)
    assert "late_share has no value in this window" in env.measure("2014-05-v1").reason


def test_views_have_the_columns_that_the_check_knows() -> None:
    """So a query that `slipway check` lets pass finds them."""
    env = KpiEnv()
    window = parse_monitored_window("2013-05-v1", "month").window
    known = view_types(env.spec, env.dataset)
    views = WindowViews(env.spec, env.dataset, window, env.tables, env.log).rows(known)
    assert {name: set(pd.concat(frames)) for name, frames in views.items()} == {
        name: set(types) for name, types in known.items()
    }


def test_rows_of_the_views_are_each_row_once_and_the_newest() -> None:
    """Predictions that were shipped twice, and keys that were delivered again by a later batch."""
    env, known = KpiEnv(), view_types(ferry_dataset.model(), ferry_dataset.dataset())
    rows = env.log.rows
    may = rows[rows["event_time"].dt.month == 5]

    class Twice(MemoryLog):
        """A log that has some rows in two segments."""

        def stream(self, *arguments: Any, **named: Any) -> Iterator[pd.DataFrame]:
            """The rows, and the first batch of them again."""
            batches = list(super().stream(*arguments, **named))
            yield from (*batches, batches[0])

    changed = ferry_dataset.crossings(days=122, start=ferry_dataset.START + timedelta(days=90))
    changed = changed[changed["departs"].dt.month == 5].iloc[:9].assign(wind=-1.0)
    ferry_dataset.publish(env.tables, changed, labels=changed.assign(late=1 - changed["late"]))
    window = parse_monitored_window("2013-05-v1", "month").window
    views = WindowViews(env.spec, env.dataset, window, env.tables, Twice(rows)).rows(known)
    found = {name: pd.concat(frames, ignore_index=True) for name, frames in views.items()}
    assert len(found["predictions"]) == len(found["features"]) == len(found["labels"]) == len(may)
    assert all(one["key"].is_unique for one in found.values())
    assert int((found["features"]["wind"] == -1).sum()) == 9
    newest = changed.set_index("crossing")["late"]
    told = found["labels"].set_index("key")["late"]
    assert (told[newest.index] == 1 - newest).all()


def test_check_names_the_line_of_a_query_that_cannot_be_carried_out(tmp_path: Path) -> None:
    """With the views and columns that it may read."""
    env = KpiEnv(LATE, {"name": "wrong", "sql": "SELECT avg(points) FROM predictions"})
    listed = "\n".join(f"    - name: {one}\n      sql: a" for one in ("late_share", "wrong"))
    (tmp_path / "model.yaml").write_text(f"monitoring:\n  kpis:\n{listed}\n")
    [problem] = kpi_problems(tmp_path, env.spec, env.dataset, DuckDbQueries().mistake)
    assert (problem.line, problem.field) == (6, "monitoring.kpis.1.sql")
    assert "points" in problem.summary
    assert "labels: key, late" in str(problem.hint)


def test_limits_and_names_of_kpis_are_checked() -> None:
    """Two of one name would share a number."""
    with pytest.raises(ValueError, match=r"min \(2\) may not exceed max \(1\)"):
        kpi(min=2, max=1)
    listed = [{"name": "rows", "sql": "SELECT 1"}] * 2
    with pytest.raises(ValueError, match="there are two KPIs 'rows'"):
        ferry_dataset.model(
            monitoring={
                "performance": {"metric": "roc_auc", "max_absolute_drop": 0.1},
                "kpis": listed,
            }
        )
