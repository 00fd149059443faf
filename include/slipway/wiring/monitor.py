"""Wire the stages of monitoring."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slipway.records.outcomes import Listing
from slipway.records.verdicts import Verdict
from slipway.wiring.container import Container
from slipway.wiring.stage import stage
from slipway.wiring.stage_call import StageCall
from slipway.wiring.stage_inputs import MODEL, WINDOW

if TYPE_CHECKING:
    from slipway.records.run_records import RunRecord
    from slipway.stages.monitor.collect import DueWindows


def collect(*, model: str, container: Container | None = None) -> DueWindows:
    """Return the windows of predictions that are not measured yet."""
    from slipway.stages.monitor.collect import collect as collect_windows

    container = container or Container()
    spec = container.model(model)
    return collect_windows(
        spec,
        container.dataset(spec.dataset),
        store=container.store,
        tables=container.tables,
        registry=container.registry,
        log=container.log_for(spec),
        platform=container.platform_for(spec),
        metrics_at=datetime.now(UTC) if container.settings.prometheus_url else None,
    )


@stage("collect", required=(MODEL,), cluster_rights=True)
def list_windows(call: StageCall) -> Listing:
    """List the windows to measure, as inputs of `drift` and `performance`."""
    model = str(call.inputs["model"])
    due = collect(model=model, container=call.container)
    items = {
        "drift": [{"model": model, "window": window} for window in due["drift"]],
        "performance": [{"model": model, "window": window} for window in due["performance"]],
        "kpis": [{"model": model, "window": window} for window in due["kpis"]],
        "operations": [{"model": model, "window": window} for window in due["operations"]],
    }
    counts = {name: len(some) for name, some in items.items()}
    reason = f"{counts['drift']} windows wait for drift, {counts['performance']} for performance"
    if due["short"] is not None:
        reason = f"{reason}; {due['short']} and is joined with what follows"
    if due["difference"] is not None:
        reason = f"{reason}; the served state differs from the desired one: {due['difference']}"
    if due["watched"] != due["champion"]:
        reason = f"{reason}; version {due['watched']} is watched"
    if call.container.model(model).monitoring.operations and not _has_metrics(call):
        reason = f"{reason}; operations are not measured, since SLIPWAY_PROMETHEUS_URL is not set"
    numbers = {"champion": due["champion"], "watched": due["watched"], **counts}
    return Listing(Verdict("collected", f"{reason}.", numbers), items)


def _has_metrics(call: StageCall) -> bool:
    return bool(call.container.settings.prometheus_url)


@stage("drift", required=(MODEL, WINDOW), recorded=True, personal_keys=True)
def drift(call: StageCall) -> RunRecord:
    """Compare the inputs and predictions of a window with the reference."""
    from slipway.adapters.loss_model import fit_losses
    from slipway.adapters.metrics import measure
    from slipway.adapters.model_package.explanations import explain
    from slipway.stages.monitor.drift.importance_stability import ImportanceTools
    from slipway.stages.monitor.drift.measure_drift import measure_drift

    model, dataset = call.model_and_dataset()
    return measure_drift(
        model,
        dataset,
        window=call.inputs["window"],
        registry=call.container.registry,
        log=call.container.log_for(model),
        reports=call.container.reports,
        measure=measure,
        fit_losses=fit_losses,
        importance=ImportanceTools(call.container.load_package, explain),
        context=call.context,
    )


@stage("performance", required=(MODEL, WINDOW), recorded=True, personal_keys=True)
def performance(call: StageCall) -> RunRecord:
    """Compare the predictions of a window with its labels."""
    from slipway.stages.monitor.performance.compared_model import PerformanceTools
    from slipway.stages.monitor.performance.measure_performance import measure_performance
    from slipway.wiring.gate_tools import gate_tools

    model, dataset = call.model_and_dataset()
    return measure_performance(
        model,
        dataset,
        window=call.inputs["window"],
        registry=call.container.registry,
        tables=call.container.tables,
        log=call.container.log_for(model),
        tools=PerformanceTools(gate_tools(), call.container.load_package, call.container.learner),
        context=call.context,
    )


@stage("kpis", required=(MODEL, WINDOW), recorded=True)
def kpis(call: StageCall) -> RunRecord:
    """Compute the KPIs of a window by their queries."""
    from slipway.adapters.kpi_queries import DuckDbQueries
    from slipway.stages.monitor.kpis.measure_kpis import measure_kpis

    model, dataset = call.model_and_dataset()
    return measure_kpis(
        model,
        dataset,
        window=call.inputs["window"],
        tables=call.container.tables,
        log=call.container.log_for(model),
        queries=DuckDbQueries(),
        context=call.context,
    )


@stage("operations", required=(MODEL, WINDOW), recorded=True)
def operations(call: StageCall) -> RunRecord:
    """Measure operations and security of a window by the servers' metrics."""
    from slipway.stages.monitor.operations.measure_operations import measure_operations

    return measure_operations(
        call.container.model(call.inputs["model"]),
        window=call.inputs["window"],
        history=call.container.metric_history,
        context=call.context,
    )


@stage("decide", required=(MODEL,), cluster_rights=True)
def run_decide(call: StageCall) -> Verdict:
    """Decide from the newest windows whether to request retraining."""
    from slipway.stages.monitor.decide.decide_retraining import decide

    model, dataset = call.model_and_dataset()
    return decide(
        model,
        dataset,
        tables=call.container.tables,
        registry=call.container.registry,
        log=call.container.log_for(model),
        platform=call.platform,
        context=call.context,
    )
