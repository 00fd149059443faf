"""Registered models and versions as MLflow's REST API has them, as Slipway's values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from slipway.adapters.mlflow_server.api import MlflowApi
from slipway.records.ledger import Head
from slipway.stages.model.version_tags import RUN_KEY
from slipway.stages.ports.registry import Anchor, ModelVersion

LEDGER_HEAD = "slipway.ledger_head"

_HEAD = re.compile(
    r"(?P<sequence>[0-9]{1,12}):(?P<sha256>[0-9a-f]{64})(?::(?P<store>[0-9a-f]{32}))?"
)

PAGE = "1000"
"""So many registered models in one answer, which is MLflow's limit."""


def every_registered(api: MlflowApi) -> Iterator[Mapping[str, Any]]:
    """Yield every registered model, as MLflow's API has it."""
    params = {"max_results": PAGE}
    while True:
        reply = api.get("registered-models/search", **params)
        yield from reply.get("registered_models", [])
        if not reply.get("next_page_token"):
            return
        params["page_token"] = reply["next_page_token"]


def head_tag(anchor: Anchor) -> tuple[str, str]:
    """Return key and value of the tag that keeps a head; pure."""
    own = anchor.subject == anchor.model
    key = LEDGER_HEAD if own else f"{LEDGER_HEAD}.{anchor.subject}"
    store = f":{anchor.store}" if anchor.store else ""
    return key, f"{anchor.head.sequence}:{anchor.head.sha256}{store}"


def heads_of(registered: Mapping[str, Any]) -> list[Anchor]:
    """Return the heads in the tags of a registered model, as MLflow's API has it; pure."""
    found = []
    for tag in registered.get("tags", []):
        if tag["key"] == LEDGER_HEAD or tag["key"].startswith(f"{LEDGER_HEAD}."):
            subject = tag["key"].removeprefix(LEDGER_HEAD).removeprefix(".") or registered["name"]
            # What was written over by hand is no head, as if it had been deleted.
            if match := _HEAD.fullmatch(tag["value"]):
                head = Head(int(match["sequence"]), match["sha256"])
                found.append(Anchor(subject, registered["name"], head, match["store"]))
    return found


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
