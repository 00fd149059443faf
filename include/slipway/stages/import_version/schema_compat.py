"""Check that a version's schema is compatible with this environment's spec; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.identity import Part, identity_of
from slipway.spec.labels import spelled


def schema_differences(
    spec: ModelSpec, dataset: DatasetSpec, manifest: Mapping[str, Any]
) -> list[str]:
    """Differences of a version from the spec, expected and found; empty when it is compatible.

    Estimator, parameters and gates may differ; task, target, key, event time and columns may not.

    Args:
        spec: The model here.
        dataset: Its dataset here.
        manifest: Manifest of the version.
    """
    expected_facts = {
        "model": spec.model,
        "dataset": spec.dataset,
        "task": spec.task,
        "target": spec.target,
        "key": dataset.identity.key.column,
        "event_time": dataset.identity.time.column,
    }
    found = [
        f"{name}: expected {expected!r}, found {manifest.get(name)!r}"
        for name, expected in expected_facts.items()
        if manifest.get(name) != expected
    ]
    return [
        *found,
        *_classes(spec, manifest),
        *_derivations(dataset, manifest),
        *_columns(spec, dataset, manifest),
        *_types(dataset, manifest),
    ]


def _classes(spec: ModelSpec, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Difference of class 1; a version that was saved without classes has none."""
    known = manifest.get("classes")
    if known and spec.task == "classification":
        positive = 1 if spec.positive is None else spec.positive
        if known[-1] != positive:
            yield f"positive: expected {spelled(positive)}, found {spelled(known[-1])}"


def _derivations(dataset: DatasetSpec, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Differences in what a key or an event time of one column is derived from."""
    expected, found = dataset.identity, identity_of(manifest)
    if found is None:
        return
    pairs = (("key", expected.key, found.key), ("event_time", expected.time, found.time))
    for name, wanted, has in pairs:
        if wanted.column == has.column and wanted.parts != has.parts:
            yield f"parts of {name}: expected {_listed(wanted.parts)}, found {_listed(has.parts)}"
    if expected.time.parts == found.time.parts and expected.time.form != found.time.form:
        yield f"forms of event_time: expected {expected.time.form}, found {found.time.form}"


def _listed(parts: Iterable[Part]) -> str:
    return ", ".join(f"{part.name} ({part.type})" for part in parts) or "none"


def _columns(spec: ModelSpec, dataset: DatasetSpec, manifest: Mapping[str, Any]) -> Iterator[str]:
    expected = dict.fromkeys(spec.features.numeric, "number")
    expected |= dict.fromkeys(spec.features.categorical, "string")
    found = {column["name"]: column for column in manifest["features"]}
    missing, unknown = sorted(expected.keys() - found), sorted(found.keys() - expected)
    if missing:
        yield f"features: expected {', '.join(missing)}, which the version does not take"
    if unknown:
        yield f"features: found {', '.join(unknown)}, which the spec does not name"
    declared, treated = dataset.streams.features.columns, manifest.get("pii") or {}
    for name in sorted(expected.keys() & found):
        kind, column = expected[name], declared[name]
        if found[name]["kind"] != kind:
            yield f"feature {name}: expected a {kind}, found a {found[name]['kind']}"
        if found[name]["required"] and column.nullable:
            yield f"feature {name}: may be missing here, and the version requires it"
        # The version decides how a server logs a column, not the spec.
        if treated.get(name) != column.pii:
            yield f"feature {name}: expected pii {column.pii}, found {treated.get(name)}"


def _types(dataset: DatasetSpec, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Differences of declared types; a version that was saved without them has none."""
    declared = dataset.streams.types("features")
    found = {one["name"]: one.get("type") for one in manifest["features"]}
    found[dataset.identity.key.column] = manifest.get("key_type")
    for name in sorted(declared.keys() & found):
        if found[name] not in {None, declared[name]}:
            yield f"column {name}: expected type {declared[name]}, found {found[name]}"
