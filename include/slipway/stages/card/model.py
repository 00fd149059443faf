"""Section of a model card about the model: task, target, estimator and parameters."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.stages.card.words import NOT_RECORDED, facts, recorded
from slipway.stages.model.decision import THRESHOLD
from slipway.stages.report.blocks import Section
from slipway.stages.report.version_case import VersionCase
from slipway.stages.search.found import SEARCH, estimator_of
from slipway.stages.train.calibration_rows import CALIBRATION_ROWS


def model_sections(case: VersionCase) -> Iterator[Section]:
    """Yield the section about target and estimator."""
    train = case.shipped.numbers
    manifest = case.manifest
    rows = [*_target(case), *_estimator(case)]
    rows.append(("fit", _fit(train.get("fit_seconds", manifest.get("fit_seconds")))))
    engine = train.get("engine") or (manifest.get("engine") or {}).get("name")
    reason = train.get("engine_reason") or (manifest.get("engine") or {}).get("reason")
    rows.append(("engine that answers", f"{recorded(engine)}: {recorded(reason)}"))
    yield facts("Model", rows)


def _fit(seconds: object) -> str:
    return NOT_RECORDED if seconds is None else f"{seconds} s"


def _target(case: VersionCase) -> Iterator[tuple[str, str]]:
    specs = case.specs
    yield "task", recorded(specs.model.task if specs else case.manifest.get("task"))
    yield "target", recorded(specs.model.target if specs else case.manifest.get("target"))
    classes = case.manifest.get("classes") or (specs and specs.model.classes)
    if classes:
        yield "classes, in the order of the scores", ", ".join(map(str, classes))
    if specs and specs.model.positive is not None:
        yield "class 1", str(specs.model.positive)


def _estimator(case: VersionCase) -> Iterator[tuple[str, str]]:
    specs, kept = case.specs, case.manifest
    own = kept.get("estimator") or {}
    name = specs.model.estimator.name if specs else str(own.get("name", ""))
    params = dict(specs.model.estimator.params if specs else own.get("params") or {})
    numbers = case.shipped.numbers
    found = estimator_of(numbers, kept)
    if found is not None:
        yield "search", recorded(numbers.get("search", kept.get(SEARCH, {}).get("reason")))
        name, params = found
    training = specs.model.training if specs else None
    seed = training.seed if training else kept.get("seed")
    weights = training.class_weights if training else kept.get("class_weights")
    yield "estimator", recorded(name)
    for param, value in sorted(params.items()):
        yield f"parameter {param}", str(value)
    if name and not params:
        yield "parameters", "the estimator's own"
    yield "seed", NOT_RECORDED if seed is None else str(seed)
    without = "none" if specs or kept else NOT_RECORDED
    yield "class weights", str(weights or without)
    calibration = training.calibration if training else None
    rows = case.shipped.numbers.get(CALIBRATION_ROWS, kept.get(CALIBRATION_ROWS))
    if rows is not None:
        way = calibration.method if calibration else NOT_RECORDED
        yield "calibration", f"{way}, on {rows:,} training rows that the estimator did not see"
    else:
        yield "calibration", without
    chosen = numbers.get(THRESHOLD, kept.get(THRESHOLD))
    if chosen is not None:
        yield "class 1 is predicted above the score", recorded(chosen)
