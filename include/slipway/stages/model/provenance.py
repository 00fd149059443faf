"""Where a model comes from: the code that learnt it and the tables that it learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SOURCE = "slipway.source."
"""Begins the tags of a version that was brought from another environment."""


@dataclass(frozen=True)
class CodeState:
    """What the code was when it ran; each is `unknown` where it cannot be read.

    Attributes:
        git_commit: Commit of the checkout; ends in `-dirty` when files differ from it.
        lock_sha256: Digest of the lock file that the environment was made from.
        bills: Bills of materials, CycloneDX JSON by image; those that are there.
    """

    git_commit: str
    lock_sha256: str
    bills: Mapping[str, bytes] = field(default_factory=dict)


def origin_of(tags: Mapping[str, str]) -> str | None:
    """Where a version was brought from, in words; None: it was trained here."""
    if f"{SOURCE}registry" not in tags:
        return None
    told = {name: tags.get(f"{SOURCE}{name}", "?") for name in ("version", "registry")}
    return f"version {told['version']} of {told['registry']}"
