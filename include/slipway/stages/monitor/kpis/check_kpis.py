"""Check the queries of KPIs over empty views, by the declared types of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import read_document
from slipway.stages.monitor.kpis.kpi_views import view_types

if TYPE_CHECKING:
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.kpi_queries import Parameters, Views

QueryCheck = Callable[[str, "Views", "Parameters"], str | None]
"""Finds what is wrong with a query."""

_WINDOW = datetime(2013, 5, 1, tzinfo=UTC)
_BOUNDS: Parameters = {"start": _WINDOW, "end": _WINDOW, "version": 1}


def kpi_problems(
    folder: Path, spec: ModelSpec, dataset: DatasetSpec, check: QueryCheck
) -> Iterator[Problem]:
    """Yield the queries of a model that cannot be carried out.

    Args:
        folder: `include/models/<name>`.
        spec: The model.
        dataset: Its dataset.
        check: Finds what is wrong with a query.
    """
    if not spec.monitoring.kpis:
        return
    document = read_document(folder / "model.yaml")
    views = view_types(spec, dataset)
    for index, kpi in enumerate(spec.monitoring.kpis):
        wrong = check(kpi.sql, views, _BOUNDS)
        if wrong is not None:
            columns = "; ".join(f"{name}: {', '.join(types)}" for name, types in views.items())
            where = ("monitoring", "kpis", index, "sql")
            yield problem_at(document, where, wrong, hint=f"views and columns: {columns}")
