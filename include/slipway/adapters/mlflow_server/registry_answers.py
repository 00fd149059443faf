"""Registered models and versions as MLflow's REST API has them, as Slipway's values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from slipway.records.ledger import Head
from slipway.stages.model.version_tags import RUN_KEY
from slipway.stages.ports.registry import ModelVersion

LEDGER_HEAD = "slipway.ledger_head"


def head_of(registered: Mapping[str, Any]) -> Head | None:
    """Return the head of the ledger in the tags of a registered model, or None."""
    tags = _tags(registered)
    if LEDGER_HEAD not in tags:
        return None
    sequence, _, sha256 = tags[LEDGER_HEAD].partition(":")
    return Head(int(sequence), sha256)


def model_version(value: Mapping[str, Any]) -> ModelVersion:
    """Return a version."""
    tags = _tags(value)
    return ModelVersion(
        model=value["name"],
        version=int(value["version"]),
        run_key=tags.get(RUN_KEY, ""),
        source_uri=value["source"],
        tags=tags,
        created_at=datetime.fromtimestamp(int(value["creation_timestamp"]) / 1000, UTC),
    )


def _tags(value: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in value.get("tags", [])}


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as MLflow takes them."""
    return [{"key": key, "value": value} for key, value in tags.items()]
