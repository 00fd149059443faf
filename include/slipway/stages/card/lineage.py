"""Sections of a model card about lineage: records and digests, who asked, and who approved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.records.run_records import RunRecord
from slipway.records.run_specs import SPECS, SPECS_SHA256
from slipway.stages.card.words import NOT_RECORDED, facts, recorded
from slipway.stages.model import sbom
from slipway.stages.model.provenance import format_source
from slipway.stages.model.version_tags import DIGEST, TAG_PREFIX
from slipway.stages.report.blocks import Section, Table
from slipway.stages.report.version_case import VersionCase
from slipway.stages.train.training_stages import STAGES as TRAINING
from slipway.values.told_times import in_utc

STAGES = (*TRAINING, "copy", "bring")


def lineage_sections(case: VersionCase) -> Iterator[Section]:
    """Yield the sections about lineage, people and what came later."""
    yield _lineage(case)
    yield _records(case)
    yield _people(case)
    if case.later:
        rows = [_row(case, record) for record in case.later]
        yield Section("After the registration", (), Table(_HEAD, rows))


_HEAD = ("stage", "run", "verdict", "by", "finished", "ledger")


def _lineage(case: VersionCase) -> Section:
    tags, evidence, manifest = case.version.tags, case.evidence, case.manifest
    rows = [
        ("manifest, sha256", recorded(tags.get(DIGEST))),
        ("registered", in_utc(case.version.created_at)),
        ("request", _request(case)),
        ("run", recorded(case.version.run_key)),
        ("MLflow run", recorded(evidence.get("mlflow_run"))),
        ("git commit", recorded(evidence.get("git_commit", manifest.get("git_commit")))),
        ("lock, sha256", recorded(evidence.get("lock_sha256", manifest.get("lock_sha256")))),
        ("specs", recorded(evidence.get(SPECS))),
        ("specs, sha256", recorded(evidence.get(SPECS_SHA256))),
    ]
    for image in sbom.IMAGES:
        kept = tags.get(f"{TAG_PREFIX}{sbom.PREFIX}{image}")
        rows.append((f"bill of materials of {image}, sha256", recorded(kept)))
    if source := format_source(tags):
        rows.append(("imported from", source))
    return facts("Lineage", rows)


def _request(case: VersionCase) -> str:
    number = case.request.number if case.request else case.manifest.get("request")
    reason = case.request.reason if case.request else case.manifest.get("reason")
    return f"{recorded(number)}: {recorded(reason)}"


def _records(case: VersionCase) -> Section:
    rows = [_row(case, case.records[stage]) for stage in STAGES if stage in case.records]
    lines = [] if rows else [f"Run records: {NOT_RECORDED}."]
    return Section("Records", lines, Table(_HEAD, rows) if rows else None)


def _row(case: VersionCase, record: RunRecord) -> tuple[str, ...]:
    entry = case.entered.get(record.ref.key)
    return (
        record.ref.stage,
        record.ref.run,
        record.verdict.action,
        _who(record.origin),
        record.finished_at[:19].replace("T", " "),
        NOT_RECORDED if entry is None else f"entry {entry}",
    )


def _people(case: VersionCase) -> Section:
    request, decision = case.request, case.decision
    asked = NOT_RECORDED if request is None else f"{request.by or NOT_RECORDED} ({request.kind})"
    accepted = (
        NOT_RECORDED
        if decision is None
        else f"the retrain policy: {decision.action}, {in_utc(decision.at)}"
    )
    rows = [
        ("asked", asked),
        ("reason", recorded(request.reason if request else None)),
        ("accepted", accepted),
        ("reason of that", recorded(decision.reason if decision else None)),
    ]
    for stage, what in (("promote_challenger", "made challenger"), ("bring", "imported")):
        if stage in case.records:
            rows.append((what, _who(case.records[stage].origin)))
    promoted = [one for one in case.later if one.ref.stage == "promote_champion"]
    rows += [("made champion", f"{_who(one.origin)}, {one.ref.run}") for one in promoted]
    rows.append(("approval by a person", NOT_RECORDED))
    return facts("Who asked, and who approved", rows)


def _who(origin: Mapping[str, Any]) -> str:
    named = [str(origin[name]) for name in ("by", "dag", "dag_id", "run_id") if origin.get(name)]
    return ", ".join(dict.fromkeys(named)) or NOT_RECORDED
