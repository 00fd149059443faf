"""Keep the tags of a version beside the record of its registration, so that the ledger has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from slipway.errors import NotFound, Tampered
from slipway.records.run_records import RunRef
from slipway.records.store import Store, digest, encode, parse_json
from slipway.stages.model import decision
from slipway.stages.model.agreement import EVIDENCE
from slipway.stages.model.version_tags import (
    COMPARED_WITH,
    METRIC_PREFIX,
    TAG_PREFIX,
    TRAINING_END,
)

TAGS, TAGS_SHA256 = "tags", "tags_sha256"
"""Key and digest of the tags in the evidence of a registration."""

DECIDING = frozenset(
    {COMPARED_WITH, TRAINING_END, decision.TAG, *(f"{TAG_PREFIX}{name}" for name in EVIDENCE)}
)
"""Tags of a registration that later stages decide by, beside its metrics."""


def is_deciding(tag: str) -> bool:
    """Return whether stages decide by a tag of a registration; pure."""
    return tag in DECIDING or tag.startswith(METRIC_PREFIX)


def without_malformed(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a version but for those that stages decide by and cannot read; pure.

    Of a version that the ledger has no tags for, MLflow's count, and a hand may have set them.
    """
    return {name: value for name, value in tags.items() if _is_readable(name, value)}


def _is_readable(tag: str, value: str) -> bool:
    if not is_deciding(tag) or tag == COMPARED_WITH:
        return True
    with suppress(ValueError):
        if tag == TRAINING_END:
            return datetime.fromisoformat(value).tzinfo is not None
        return math.isfinite(float(value))
    return False


def keep_registered_tags(store: Store, ref: RunRef, tags: Mapping[str, str]) -> dict[str, str]:
    """Keep the tags of a version; return the evidence by which its record names them.

    Args:
        store: Store of the records.
        ref: Stage that registers the version.
        tags: Its tags.
    """
    data, key = encode(dict(tags)), f"{ref.folder}/tags.json"
    store.write(key, data)
    return {TAGS: key, TAGS_SHA256: digest(data)}


def read_registered_tags(store: Store, record: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the tags that a registration kept; None: its release kept none.

    Args:
        store: Store of the records.
        record: Record of the registration, as its entry names it.

    Raises:
        Tampered: They differ from their digest in the record.
    """
    evidence = record.get("verdict", {}).get("evidence", {})
    if TAGS_SHA256 not in evidence:
        return None
    key = evidence[TAGS]
    try:
        data = store.read(key)
    except NotFound:
        data = b""
    if digest(data) != evidence[TAGS_SHA256]:
        raise Tampered(
            f"the tags of a version, {key}, were changed after it was registered",
            expected=f"sha256 {evidence[TAGS_SHA256]}",
            found=f"sha256 {digest(data)}" if data else "nothing",
            where=store.uri(key),
            hint="restore the object from a backup; MLflow's tags decide nothing",
        )
    return dict(parse_json(data))
