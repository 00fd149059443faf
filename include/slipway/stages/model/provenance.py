"""Provenance of a model version: the code that trained it, and its source environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.stages.model.version_tags import SOURCE_PREFIX


@dataclass(frozen=True)
class CodeState:
    """State of the code that runs; each value is `unknown` where it cannot be read.

    Attributes:
        git_commit: Commit of the checkout; ends in `-dirty` when files differ from it.
        lock_sha256: Digest of the lock file that the environment was made from.
        bills: Bills of materials that exist, CycloneDX JSON by image.
    """

    git_commit: str
    lock_sha256: str
    bills: Mapping[str, bytes] = field(default_factory=dict)


def format_source(tags: Mapping[str, str]) -> str | None:
    """Format the source of an imported version; None for a version trained here."""
    if f"{SOURCE_PREFIX}registry" not in tags:
        return None
    version = tags.get(f"{SOURCE_PREFIX}version", "?")
    registry = tags.get(f"{SOURCE_PREFIX}registry", "?")
    return f"version {version} of {registry}"
