"""Tags of an imported version: its source, and the comparison of its gates here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.records.run_records import RunRecord
from slipway.stages.import_version.evidence import Evidence
from slipway.stages.import_version.regate import RegateResult
from slipway.stages.model import decision, sbom
from slipway.stages.model.agreement import EVIDENCE
from slipway.stages.model.shipped import SHIP as SHIPPED
from slipway.stages.model.version_tags import (
    COMPARED_WITH,
    DIGEST,
    SHIP,
    SOURCE_PREFIX,
    TAG_PREFIX,
)
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.train import engine_choice

METRIC = "slipway.metric."


def source_tags(
    version: ModelVersion, evidence: Evidence, *, source: str, store: str
) -> dict[str, str]:
    """Tags that name the source of a version, for the run and the version here.

    Args:
        version: Version at the source.
        evidence: Its evidence there.
        source: Name of the source.
        store: Root of the source's store.
    """
    head = evidence.head
    facts = {
        "registry": source,
        "store": store,
        "version": str(version.version),
        "digest": version.tags[DIGEST],
        "run": evidence.born,
        "rollout": evidence.rollout or "",
        "ledger_head": f"{head.sequence}:{head.sha256}" if head else "",
        "evidence": evidence.sha256,
    }
    return {f"{SOURCE_PREFIX}{name}": value for name, value in facts.items()}


def version_tags(
    manifest: Mapping[str, Any], regated: RegateResult, source: Mapping[str, str], copied: RunRecord
) -> dict[str, str]:
    """All tags of an imported version; facts about its files come from the files.

    Args:
        manifest: Manifest of the version.
        regated: Result of the gates here.
        source: Its `source_tags`.
        copied: Record of its copy, with person and time.
    """
    numbers = regated.verdict.numbers
    files = manifest["files"]
    kept = {
        f"{sbom.PREFIX}{image}": files.get(sbom.file_name(image), sbom.ABSENT)
        for image in sbom.IMAGES
    }
    metrics = {
        f"{METRIC}{name.removeprefix('challenger.')}": repr(value)
        for name, value in numbers.items()
        if name.startswith("challenger.")
    }
    evidence = {
        f"{TAG_PREFIX}{name}": repr(numbers[name])
        for name in EVIDENCE
        if numbers.get(name) is not None
    }
    return {
        **source,
        f"{SOURCE_PREFIX}brought_by": str(copied.origin.get("by", "")),
        f"{SOURCE_PREFIX}brought_at": copied.finished_at,
        DIGEST: source[f"{SOURCE_PREFIX}digest"],
        COMPARED_WITH: regated.compared_with,
        "slipway.reason": str(manifest["reason"]),
        "slipway.training_end": str(manifest["training_end"]),
        "slipway.gate": regated.verdict.reason,
        **({SHIP: str(manifest[SHIPPED])} if SHIPPED in manifest else {}),
        **engine_choice.tags_of(engine_choice.numbers_of(manifest)),
        **decision.tags_of(manifest),
        **sbom.tags_of(kept),
        **metrics,
        **evidence,
    }
