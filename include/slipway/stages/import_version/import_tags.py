"""What the tags of a brought version say: where it comes from, and what it was weighed against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.records.run_records import RunRecord
from slipway.stages.import_version.evidence import Evidence
from slipway.stages.import_version.regate import RegateResult
from slipway.stages.model import sbom
from slipway.stages.model.agreement import EVIDENCE
from slipway.stages.model.version_tags import COMPARED_WITH, DIGEST, SOURCE_PREFIX, TAG_PREFIX
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.train import engine_choice

METRIC = "slipway.metric."


def source_tags(
    version: ModelVersion, evidence: Evidence, *, source: str, store: str
) -> dict[str, str]:
    """Where a version comes from, as tags of the run and of the version here.

    Args:
        version: The source's.
        evidence: What was recorded of it there.
        source: What records call where it comes from.
        store: Root of its store.
    """
    head = evidence.head
    told = {
        "registry": source,
        "store": store,
        "version": str(version.version),
        "digest": version.tags[DIGEST],
        "run": evidence.born,
        "rollout": evidence.rollout or "",
        "ledger_head": f"{head.sequence}:{head.sha256}" if head else "",
        "evidence": evidence.sha256,
    }
    return {f"{SOURCE_PREFIX}{name}": value for name, value in told.items()}


def version_tags(
    manifest: Mapping[str, Any], weighed: RegateResult, source: Mapping[str, str], copied: RunRecord
) -> dict[str, str]:
    """All tags of a brought version; what the bytes say is read from the bytes.

    Args:
        manifest: The version's.
        weighed: What the gates here said.
        source: Its `provenance`.
        copied: Record of its copy, which says who brought it and when.
    """
    numbers = weighed.verdict.numbers
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
        COMPARED_WITH: weighed.compared_with,
        "slipway.reason": str(manifest["reason"]),
        "slipway.training_end": str(manifest["training_end"]),
        "slipway.gate": weighed.verdict.reason,
        **engine_choice.tags_of(engine_choice.numbers_of(manifest)),
        **sbom.tags_of(kept),
        **metrics,
        **evidence,
    }
