"""Monitoring, wired: windows of predictions are measured, and decided upon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.records.outcomes import Listing
from slipway.records.verdicts import Verdict
from slipway.wiring.container import Container
from slipway.wiring.stage_call import Call

if TYPE_CHECKING:
    from slipway.records.run_records import RunRecord
    from slipway.stages.monitor.collect import DueWindows


def collect(*, model: str, shop: Container | None = None) -> DueWindows:
    """Windows of predictions that nobody has measured yet."""
    from slipway.stages.monitor import collect as watching

    shop = shop or Container()
    spec = shop.model(model)
    return watching.collect(
        spec,
        shop.dataset(spec.dataset),
        store=shop.store,
        tables=shop.tables,
        registry=shop.registry,
        log=shop.log_for(spec),
        platform=shop.platform_for(spec),
    )


def list_windows(call: Call) -> Listing:
    """The windows that are due, as inputs of `drift` and of `performance`."""
    model = str(call.given["model"])
    due = collect(model=model, shop=call.shop)
    items = {
        "drift": [{"model": model, "window": window} for window in due["drift"]],
        "performance": [{"model": model, "window": window} for window in due["performance"]],
    }
    counts = {name: len(some) for name, some in items.items()}
    reason = f"{counts['drift']} windows wait for drift, {counts['performance']} for performance"
    if due["difference"] is not None:
        reason = f"{reason}; what is served is not what should be: {due['difference']}"
    numbers = {"champion": due["champion"], **counts}
    return Listing(Verdict("collected", f"{reason}.", numbers), items)


def drift(call: Call) -> RunRecord:
    """A window's inputs and answers are compared with the reference."""
    from slipway.stages.monitor.drift import measure_drift

    model, dataset = call.model_and_dataset()
    return measure_drift(
        model,
        dataset,
        window=call.given["window"],
        registry=call.shop.registry,
        log=call.shop.log_for(model),
        reports=call.shop.reports,
        context=call.context,
    )


def performance(call: Call) -> RunRecord:
    """A window's answers are compared with its labels."""
    from slipway.adapters.metrics import measure
    from slipway.stages.monitor.performance import measure_performance

    model, dataset = call.model_and_dataset()
    return measure_performance(
        model,
        dataset,
        window=call.given["window"],
        registry=call.shop.registry,
        tables=call.shop.tables,
        log=call.shop.log_for(model),
        measure=measure,
        context=call.context,
    )


def decide(call: Call) -> Verdict:
    """The newest windows together ask for training, or do not."""
    from slipway.stages.monitor import decide as firing

    model, dataset = call.model_and_dataset()
    return firing.decide(
        model,
        dataset,
        tables=call.shop.tables,
        registry=call.shop.registry,
        log=call.shop.log_for(model),
        context=call.context,
    )
