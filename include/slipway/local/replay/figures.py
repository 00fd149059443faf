"""What each period of a replay came to: rows, versions, the metric served, and what followed."""

from __future__ import annotations

from slipway.adapters.metrics import measure
from slipway.errors import SlipwayError
from slipway.local.outside_world import OutsideWorld
from slipway.local.replay.history import History
from slipway.local.replay.progress_file import Asked, ReplayProgress
from slipway.spec import ModelSpec
from slipway.stages.model.class_scores import SCORE, SCORES, score_matrix, with_unseen
from slipway.stages.model.label_classes import to_target
from slipway.stages.model.label_rows import labels_table
from slipway.stages.monitor.labels.label_join import join_labels, read_labels
from slipway.stages.monitor.reference.version_facts import read_version_facts
from slipway.stages.monitor.windows.windows import Window
from slipway.stages.report.blocks import Section, Table
from slipway.values.figures import in_figures


def tables_of(world: OutsideWorld, history: History, progress: ReplayProgress) -> list[Section]:
    """Return a section for each model, with a row for each period."""
    return [_section(world, history, progress, spec) for spec in world.models.values()]


def _section(
    world: OutsideWorld, history: History, progress: ReplayProgress, spec: ModelSpec
) -> Section:
    metric = spec.monitoring.performance.metric
    rows = []
    for window in history.periods:
        asked = progress.asked.get(window.name, {}).get(spec.model)
        versions = "+".join(sorted(asked.versions, key=int)) if asked else ""
        rows.append(
            (
                window.name,
                f"{asked.rows:,}" if asked else "",
                versions,
                _served(world, spec, window, asked),
                progress.followed.get(window.name, {}).get(spec.model, ""),
            )
        )
    head = ("period", "rows asked", "version", f"{metric} served", "what the ring did")
    return Section(spec.model, (), Table(head, rows))


def _served(world: OutsideWorld, spec: ModelSpec, window: Window, asked: Asked | None) -> str:
    """The metric of the period's answers, by the labels that came later."""
    if asked is None or not asked.versions:
        return ""
    try:
        value = _measure(world, spec, window, max(map(int, asked.versions)))
    except SlipwayError:
        value = None
    return "not computable" if value is None else in_figures(value)


def _measure(world: OutsideWorld, spec: ModelSpec, window: Window, version: int) -> float | None:
    container, dataset = world.container, world.dataset
    metric = spec.monitoring.performance.metric
    is_multiclass = spec.task == "multiclass"
    columns = ("key", "received_at", SCORES if is_multiclass else SCORE)
    rows = container.log.read(spec.model, window.start, window.end, columns=columns)
    table_version = container.tables.version(labels_table(dataset))
    labels = read_labels(container.tables, dataset, spec.target, version=table_version)
    joined = join_labels(rows, labels, key_type=dataset.identity.key.type).rows
    if joined.empty:
        return None
    classes = None
    if spec.task != "regression":
        classes = read_version_facts(container.registry, spec.model, version).classes
    target = to_target(joined["label"], spec, classes=classes)
    if not is_multiclass:
        return measure([metric], actual=target, scores=joined[SCORE])[metric]
    actual, scores = with_unseen(target, score_matrix(joined[SCORES], classes or ()))
    return measure([metric], actual=actual, scores=scores)[metric]
